"""What outlives a gateway: listening sockets, held by a process that does little else.

holder.py        starts the gateway, starts it again when it dies, swaps it without a lost request
held_sockets.py  the address, the private socket, ports of functions
held_process.py  a gateway process, as its holder sees it
"""
