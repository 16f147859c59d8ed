"""Where functions run: this machine, containers, clusters, times."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["ENGINES"]

ENGINES: tuple[Setting, ...] = (
    Setting(
        "force_run_local",
        str,
        "auto",
        "auto: a kind whose engine (cluster, tool) is not configured runs on this machine; true: "
        "always; false: never.",
        ("MLRUN_FORCE_RUN_LOCAL",),
    ),
    Setting(
        "kfp_url",
        str,
        "",
        "Address of a Kubeflow Pipelines service, for workflows with engine='kfp'.",
        ("MLRUN_KFP_URL",),
    ),
    Setting(
        "schedule_min_interval",
        float,
        0.0,
        "Seconds that must lie between two runs of a schedule; 0: any.",
    ),
    Setting(
        "container_tool",
        str,
        "auto",
        "What runs kind 'container': podman, docker or auto (either).",
    ),
    Setting(
        "container_network",
        str,
        "host",
        "Network of containers on this machine; host: addresses mean the same inside.",
    ),
    Setting(
        "logging_worker",
        int,
        0,
        "The MPI rank that records outputs.",
        ("MLRUN_PACKAGERS__LOGGING_WORKER",),
    ),
    Setting(
        "mpi_launcher",
        str,
        "auto",
        "What starts ranks: mpirun, horovodrun, torchrun or spawn (no MPI), kubernetes, or a path.",
    ),
    Setting(
        "mpi_operator",
        str,
        "v1",
        "Version of MPIJob in the cluster: v1 (training operator) or v2beta1 (MPI operator).",
        ("MLRUN_MPIJOB_CRD_VERSION",),
    ),
    Setting("mpi_hosts", str, "", "Hosts of MPI runs that name none: node1:2,node2:2."),
    Setting(
        "mpi_launch_agent", str, "ssh", "Starts a command on another host: AGENT HOST COMMAND."
    ),
    Setting(
        "mpi_address", str, "", "Address under which the hosts of MPI runs reach this machine."
    ),
    Setting("mpi_python", str, "", "The interpreter on the hosts of MPI runs; empty: this one's."),
    Setting(
        "mpi_lost_after", float, 6.0, "Seconds without an answer after which a host is cut off."
    ),
    Setting("mpi_start_timeout", float, 120.0, "Seconds within which all ranks must have started."),
    Setting(
        "mpi_checkpoint_path",
        str,
        "",
        "Folder or URL of checkpoints that all hosts reach; empty: the run's artifact path.",
    ),
    Setting(
        "warm",
        bool,
        True,
        "Fork process runs from a warm server instead of starting a new interpreter.",
    ),
    Setting(
        "reuse_processes",
        bool,
        True,
        "Steps of one pipeline, of kind process and with the same surroundings, may run one after "
        "the other in one process.",
    ),
    Setting("warm_idle", float, 300.0, "Seconds after which an unused warm server ends."),
    Setting(
        "mock_nuclio_deployment",
        str,
        "",
        "Serve functions in this process for fn.deploy() and fn.invoke(): 1 or auto; empty: no.",
        ("MLRUN_MOCK_NUCLIO_DEPLOYMENT",),
    ),
    Setting(
        "nuclio_dashboard_url",
        str,
        "",
        "Nuclio's dashboard, to which fn.deploy() sends functions: http://host:8070; empty: none.",
        ("MLRUN_NUCLIO_DASHBOARD_URL", "NUCLIO_DASHBOARD_URL"),
    ),
    Setting(
        "nuclio_namespace",
        str,
        "",
        "Kubernetes namespace of Nuclio; empty: its own.",
    ),
    Setting(
        "nuclio_runtime",
        str,
        "python:3.11",
        "Nuclio runtime of functions that name none.",
        ("MLRUN_DEFAULT_NUCLIO_RUNTIME",),
    ),
    Setting(
        "nuclio_requirement",
        str,
        "",
        "What pip installs into Nuclio images for graphs and runs; empty: this very version.",
    ),
    Setting(
        "nuclio_deploy_timeout",
        float,
        1200.0,
        "Seconds that Nuclio may take to build a function and make it ready; 0: no limit.",
    ),
    Setting(
        "nuclio_poll_interval", float, 1.0, "Seconds between looks at a function being deployed."
    ),
    Setting(
        "kubernetes_namespace",
        str,
        "",
        "Namespace of runs on Kubernetes; empty: that of the kubeconfig's context or of this pod.",
        ("MLRUN_NAMESPACE",),
    ),
    Setting(
        "kubernetes_context", str, "", "Context of the kubeconfig; empty: its current context."
    ),
    Setting(
        "kubeconfig",
        str,
        "",
        "File that says how to reach the cluster; empty: that of this pod, else ~/.kube/config.",
        ("KUBECONFIG",),
    ),
    Setting(
        "kubernetes_ttl",
        int,
        14400,
        "Seconds that a finished job and its pod stay in the cluster.",
        ("MLRUN_RUNTIME_RESOURCES_DELETION_GRACE_PERIOD",),
    ),
    Setting(
        "default_function_node_selector",
        str,
        "",
        "Labels of nodes for all pods, as JSON, plain or in base64.",
        ("MLRUN_DEFAULT_FUNCTION_NODE_SELECTOR",),
    ),
    Setting(
        "default_function_priority_class_name",
        str,
        "",
        "Priority class of pods whose function names none.",
        ("MLRUN_DEFAULT_FUNCTION_PRIORITY_CLASS_NAME",),
    ),
    Setting(
        "valid_function_priority_class_names",
        str,
        "",
        "Priority classes that functions may name, separated by commas; empty: any.",
        ("MLRUN_VALID_FUNCTION_PRIORITY_CLASS_NAMES",),
    ),
    Setting(
        "function_preemption_mode",
        str,
        "prevent",
        "Whether pods may go to preemptible nodes: allow, constrain, prevent or none.",
        ("MLRUN_FUNCTION_DEFAULTS__PREEMPTION_MODE",),
    ),
    Setting(
        "preemptible_node_selector",
        str,
        "",
        "Labels of preemptible nodes, as JSON, plain or in base64.",
        ("MLRUN_PREEMPTIBLE_NODES__NODE_SELECTOR",),
    ),
    Setting(
        "preemptible_node_tolerations",
        str,
        "",
        "Tolerations for the taints of preemptible nodes, as JSON, plain or in base64.",
        ("MLRUN_PREEMPTIBLE_NODES__TOLERATIONS",),
    ),
    Setting(
        "auto_mount_type",
        str,
        "auto",
        "What is mounted into pods of functions without a mount: none, auto, pvc, s3 or env.",
        ("MLRUN_STORAGE__AUTO_MOUNT_TYPE",),
    ),
    Setting(
        "auto_mount_params",
        str,
        "",
        "Arguments of that mount: k=v,k2=v2, or JSON in base64.",
        ("MLRUN_STORAGE__AUTO_MOUNT_PARAMS",),
    ),
    Setting(
        "dask_cluster",
        str,
        "",
        "Cluster of functions of kind dask that name none: a scheduler's address "
        "(tcp://host:8786), gateway, gateway+https://host, kubernetes; empty or local: processes "
        "of this machine.",
    ),
    Setting(
        "dask_timeout",
        float,
        60.0,
        "Seconds that a Dask scheduler may take to answer, and a cluster to have its workers.",
    ),
    Setting(
        "spark_master",
        str,
        "",
        "Master of Spark functions that name none: local[2], spark://host:7077 or k8s://https://…; "
        "empty: a SparkApplication where a cluster is configured, else local[*].",
    ),
    Setting(
        "spark_master_ui",
        str,
        "",
        "Web page of a standalone Spark master; empty: port 8080 of its host.",
    ),
    Setting(
        "spark_patience",
        float,
        30.0,
        "Seconds a Spark job may wait for executors that the cluster cannot give it.",
    ),
    Setting(
        "spark_image",
        str,
        "",
        "Image of Spark applications in a cluster whose functions name none.",
        ("MLRUN_SPARK_APP_IMAGE",),
    ),
    Setting(
        "pod_security",
        str,
        "restricted",
        "Rights of pods whose function says nothing: restricted (user 1000, no privileges), or "
        "image (as the image says).",
    ),
    Setting(
        "default_service_account",
        str,
        "",
        "Service account of pods whose function names none.",
        ("MLRUN_FUNCTION__SPEC__SERVICE_ACCOUNT__DEFAULT",),
    ),
    Setting(
        "default_image_pull_secret",
        str,
        "",
        "Secret for pulling images of pods whose function names none.",
        ("MLRUN_FUNCTION__SPEC__IMAGE_PULL_SECRET__DEFAULT",),
    ),
    Setting(
        "pvc_mount",
        str,
        "",
        "Volume claim that mount_pvc and auto_mount use: <claim>:<folder in the pod>.",
        ("MLRUN_PVC_MOUNT",),
    ),
    Setting(
        "remote_host",
        str,
        "",
        "Host of a Kubernetes cluster's nodes, for services of type NodePort.",
        ("MLRUN_REMOTE_HOST",),
    ),
)
