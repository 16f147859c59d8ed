"""A network as Mermaid text, which notebooks, GitHub and GitLab draw."""

from __future__ import annotations

from mlrun_like.drawing.text import flowchart_text
from mlrun_like.serving.drawing.node import START, Network, Node

__all__ = ["mermaid"]

_ARROWS = {"flow": "-->", "error": "-. error .->", "back": "-. again .->"}
_SHAPES = {
    "router": '[["{}"]]',
    "queue": '[/"{}"/]',
    "error_step": '>"{}"]',
    "missing": '{{{{"{}"}}}}',
}


def mermaid(network: Network, *, down: bool = False) -> str:
    """The network as a Mermaid flowchart; a rounded step responds, dotted arrows are errors.

    >>> print(mermaid(Network.of([Node("a"), Node("b", after=["a"], responder=True)])))
    flowchart LR
        n0["a"]
        n1(["b"])
        n0 --> n1
    """
    nodes = [node for name, node in network.nodes.items() if name != START]
    ids = {node.name: f"n{number}" for number, node in enumerate(nodes)}
    lines = [f"flowchart {'TB' if down else 'LR'}"]
    functions = dict.fromkeys(node.function for node in nodes)
    for number, function in enumerate(functions):
        indent = "    "
        if function:
            lines.append(f'    subgraph f{number}["{flowchart_text(function)}"]')
            indent += "    "
        for node in nodes:
            if node.function == function:
                lines += [indent + line for line in _node(node, ids[node.name])]
        if function:
            lines.append("    end")
    for edge in network.edges:
        if edge.source != START:
            arrow = _ARROWS[edge.kind]
            lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
    return "\n".join(lines)


def _node(node: Node, name: str) -> list[str]:
    form = '(["{}"])' if node.responder else _SHAPES.get(node.kind, '["{}"]')
    text = flowchart_text(node.name)
    if node.routes:
        text += "".join(f"<br/>· {flowchart_text(route)}" for route in node.routes)
    return [name + form.format(text)]
