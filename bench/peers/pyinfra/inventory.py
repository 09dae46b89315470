"""Node 0 of the lab, reached as a careful user would: by key, and with its host key known."""

import os
import tempfile

with tempfile.NamedTemporaryFile("w", suffix=".known_hosts", delete=False) as known_hosts:
    known_hosts.write(f"{os.environ['NODE0']} {os.environ['NODE0_HOST_KEY']}\n")

node0 = [
    (
        os.environ["NODE0"],
        {
            "ssh_user": "root",
            "ssh_key": os.environ["NODE0_KEY"],
            "ssh_known_hosts_file": known_hosts.name,
            "ssh_strict_host_key_checking": "yes",
        },
    ),
]
