"""
What pulumi-netboot does to node 0, as a good user of pyinfra 3 writes it: a peer of bench/firstUp.mts and bench/scale.mts.

Quick where pyinfra can be quick: run with -y (facts are read once, when they are needed), files go up without a look at
their folder, and a service restarts only if an operation that feeds it changed something.
"""

import os
from io import StringIO
from pathlib import Path

from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed

templates = Path(__file__).parent / "templates"
boot_files = Path(os.environ["BOOT_FILES"])
network = {
    "interface": os.environ["INTERFACE"],
    "address": os.environ["ADDRESS"],
    "cidr": os.environ["CIDR"],
    "subnet": os.environ["SUBNET"],
    "netmask": os.environ["NETMASK"],
    "broadcast": os.environ["BROADCAST"],
    "machines": int(os.environ["MACHINES"]),
    "nics": int(os.environ["NICS"]),
}
# What node 0 does besides DHCP and TFTP, as far as pulumi-netboot was told to do it in this run.
parts = os.environ["PARTS"].split()

services = {"isc-dhcp-server": [], "tftpd-hpa": []}
if "TimeServer" in parts:
    services["chrony"] = []
if "NameServer" in parts:
    services["dnsmasq"] = []


def template(name, path, service):
    change = files.template(
        name=path,
        src=str(templates / name),
        dest=path,
        create_remote_dir=False,
        jinja_env_kwargs={"trim_blocks": True, "lstrip_blocks": True},
        **network,
    )
    services[service].append(change)


def text(path, content, service):
    services[service].append(files.put(name=path, src=StringIO(content), dest=path, create_remote_dir=False))


apt.packages(name="packages", packages=list(services) + (["nftables"] if "Firewall" in parts else []))

text("/etc/default/isc-dhcp-server", f'INTERFACESv4="{network["interface"]}"\nINTERFACESv6=""\n', "isc-dhcp-server")
template("hosts.conf.j2", "/etc/dhcp/hosts.conf", "isc-dhcp-server")
template("dhcpd.conf.j2", "/etc/dhcp/dhcpd.conf", "isc-dhcp-server")
server.shell(name="dhcpd finds nothing wrong", commands=["dhcpd -t -q -cf /etc/dhcp/dhcpd.conf"])

text(
    "/etc/default/tftpd-hpa",
    f'TFTP_USERNAME="tftp"\nTFTP_DIRECTORY="/srv/tftp"\nTFTP_ADDRESS="{network["address"]}:69"\nTFTP_OPTIONS="--secure"\n',
    "tftpd-hpa",
)
for file in sorted(boot_files.iterdir()):
    files.put(name=file.name, src=str(file), dest=f"/srv/tftp/{file.name}", create_remote_dir=False)

if "TimeServer" in parts:
    text("/etc/chrony/conf.d/node0.conf", f"allow {network['cidr']}\nlocal stratum 10\n", "chrony")
if "NameServer" in parts:
    template("dnsmasq.conf.j2", "/etc/dnsmasq.d/node0.conf", "dnsmasq")
if "Firewall" in parts:
    rules = files.put(
        name="/etc/nftables.conf",
        src=StringIO(
            "flush ruleset\ntable inet node0 {\n chain input {\n  type filter hook input priority 0; policy accept;\n"
            f'  iifname "{network["interface"]}" udp dport {{ 53, 67, 69, 123 }} accept\n'
            f'  iifname "{network["interface"]}" tcp dport 53 accept\n }}\n}}\n'
        ),
        dest="/etc/nftables.conf",
        create_remote_dir=False,
    )
    systemd.service(name="load the rules", service="nftables", enabled=True, running=True)
    systemd.service(name="load the new rules", service="nftables", reloaded=True, _if=rules.did_change)

for service, changes in services.items():
    systemd.service(name=f"restart {service}", service=service, restarted=True, _if=any_changed(*changes))
for service in services:
    systemd.service(name=f"{service} runs, also after a reboot", service=service, running=True, enabled=True)
