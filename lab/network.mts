import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { runHelper } from "./cgroup.mts";
import { run } from "./program.mts";
import type { LabRecord } from "./state.mts";

/**
 * The networks of a lab. Three namespaces, so that nothing but one interface appears on the machine itself, and neither its
 * firewall nor its forwarding is touched:
 *
 * ```
 * machine  nbl0 ─┐            outside: bridge "public" .1 ─ masquerade ─ uplink (slirp4netns: ordinary sockets of the machine)
 *   .3/29        ├─ "public"
 * node 0   eno1 ─┘ .2/29, default route to .1
 *          eno2 ─┐ 192.168.1.1/28
 * segment        ├─ "private", the OLA nodes' taps, client0
 * ```
 *
 * A lab beside another one has its eno2 in the segment of that one.
 *
 * Where node 0 is a machine, its namespace holds a tap of each name for QEMU, and a bridge from there to the cable.
 */
export interface LabNetwork {
  /** The prefix of all its names in the kernel. */
  readonly id: string;
  readonly node0Namespace: string;
  readonly segmentNamespace: string;
  readonly outsideNamespace: string;
  readonly bridge: string;
  readonly clientInterface: string;
  readonly gateway: string;
  readonly host: string;
  readonly machineAddress: string;
  readonly nameserver: string;
}

const macs = { eno1: "52:54:00:6e:00:01", eno2: "52:54:00:6e:00:02", eno3: "52:54:00:6e:00:03" } as const;

type Card = keyof typeof macs;

/** Node 0's network cards. */
export function cardsOf(record: LabRecord): { name: string; mac: string }[] {
  return (Object.keys(macs) as Card[])
    .map((name) => ({ name, mac: macOf(record, name) }))
    .filter(({ name }) => name !== "eno3" || record.secondPrivateCidr !== undefined);
}

/** The MAC of a card, which no other lab's node 0 on the same segment has: one beside another has its slot in it. */
export function macOf({ beside, slot }: LabRecord, name: Card): string {
  const octet = (beside === undefined ? 0 : 1 + (slot % 255)).toString(16).padStart(2, "0");
  return macs[name].replace("6e:00:", `6e:${octet}:`);
}

/** The network whose segment node 0 is on. */
export function segmentOf({ slot, beside }: LabRecord): LabNetwork {
  return networkOf(beside?.slot ?? slot);
}

export function networkOf(slot: number): LabNetwork {
  const id = `nbl${slot}`;
  const address = (last: number) => `198.19.${slot >> 5}.${(slot & 31) * 8 + last}`;
  return {
    id,
    node0Namespace: `${id}-node0`,
    segmentNamespace: `${id}-segment`,
    outsideNamespace: `${id}-outside`,
    bridge: "private",
    clientInterface: "client0",
    gateway: address(1),
    host: address(2),
    machineAddress: address(3),
    nameserver: "198.18.0.3",
  };
}

/** Makes the namespaces, the bridges and the cables between them. Nothing runs in them yet. */
export async function buildNetwork(record: LabRecord): Promise<void> {
  const network = networkOf(record.slot);
  const { id, node0Namespace, segmentNamespace, outsideNamespace } = network;
  const ip = (...args: string[]) => runHelper(id, ["ip", ...args]);
  for (const namespace of [outsideNamespace, segmentNamespace, node0Namespace]) await ip("netns", "add", namespace);

  const outside = (...args: string[]) => ip("-n", outsideNamespace, ...args);
  await outside("link", "add", "public", "type", "bridge");
  await ip("link", "add", id, "type", "veth", "peer", "name", "machine", "netns", outsideNamespace);
  await cableOfNode0(record, "eno1", outsideNamespace, "node0");
  for (const port of ["machine", "node0"]) await outside("link", "set", port, "master", "public", "up");
  await outside("addr", "add", `${network.gateway}/29`, "dev", "public");
  await outside("link", "set", "public", "up");
  await ip("addr", "add", `${network.machineAddress}/29`, "dev", id);
  await ip("link", "set", id, "up");
  const inside = ["nsenter", `--net=/run/netns/${outsideNamespace}`];
  await runHelper(id, [...inside, "/bin/sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
  await runHelper(id, [...inside, "nft", "-f", "-"], {
    input: `table ip lab {
      chain postrouting {
        type nat hook postrouting priority srcnat
        oifname "uplink" masquerade
      }
    }\n`,
  });

  if (record.beside !== undefined) {
    await plugIntoOther(record);
    return;
  }
  await ip("-n", segmentNamespace, "link", "set", "lo", "up");
  await segmentWithNode0(record, "private", "eno2");
  await cable(
    network,
    segmentNamespace,
    network.clientInterface,
    "52:54:00:6e:00:0c",
    segmentNamespace,
    "client0-port",
  );
  await ip("-n", segmentNamespace, "link", "set", "client0-port", "master", network.bridge, "up");
  await ip("-n", segmentNamespace, "link", "set", network.clientInterface, "up");
  if (record.secondPrivateCidr !== undefined) {
    await segmentWithNode0(record, "private2", "eno3");
  }
}

async function segmentWithNode0(record: LabRecord, bridge: string, node0Interface: Card): Promise<void> {
  const network = networkOf(record.slot);
  const segment = (...args: string[]) => runHelper(network.id, ["ip", "-n", network.segmentNamespace, ...args]);
  await segment("link", "add", bridge, "type", "bridge");
  await cableOfNode0(record, node0Interface, network.segmentNamespace, `node0-${node0Interface}`);
  await segment("link", "set", `node0-${node0Interface}`, "master", bridge, "up");
  await segment("link", "set", bridge, "up");
}

/** Its card on the segment of another lab, which is there already. */
async function plugIntoOther(record: LabRecord): Promise<void> {
  const { id } = networkOf(record.slot);
  const { segmentNamespace, bridge } = segmentOf(record);
  await cableOfNode0(record, "eno2", segmentNamespace, id);
  await runHelper(id, ["ip", "-n", segmentNamespace, "link", "set", id, "master", bridge, "up"]);
}

async function cableOfNode0(record: LabRecord, name: Card, otherNamespace: string, other: string): Promise<void> {
  const network = networkOf(record.slot);
  const { id, node0Namespace } = network;
  const mac = macOf(record, name);
  if (record.node0 !== "machine") return await cable(network, node0Namespace, name, mac, otherNamespace, other);
  const ip = (...args: string[]) => runHelper(id, ["ip", "-n", node0Namespace, ...args]);
  const [bridge, plug] = [`${name}-bridge`, `${name}-plug`];
  // The card's own address must not be the bridge's, which would keep what is sent to it.
  await cable(network, node0Namespace, plug, mac.replace("52:54:00:", "52:54:01:"), otherNamespace, other);
  await ip("link", "add", bridge, "type", "bridge");
  await ip("tuntap", "add", name, "mode", "tap");
  for (const port of [plug, name]) await ip("link", "set", port, "master", bridge, "up");
  await ip("link", "set", bridge, "up");
}

async function cable(
  { id }: LabNetwork,
  namespace: string,
  name: string,
  mac: string,
  otherNamespace: string,
  other: string,
): Promise<void> {
  const here = ["name", name, "netns", namespace, "address", mac];
  await runHelper(id, ["ip", "link", "add", ...here, "type", "veth", "peer", "name", other, "netns", otherNamespace]);
}

/** The command line of what carries node 0's connections to the world, as ordinary connections of this machine. */
export function uplinkCommand(network: LabNetwork): string[] {
  return [
    "slirp4netns",
    "--configure",
    "--disable-host-loopback",
    "--cidr=198.18.0.0/24",
    "--netns-type=path",
    `/run/netns/${network.outsideNamespace}`,
    "uplink",
  ];
}

/** Takes away whatever there is of a lab's networks; to do it twice, or halfway, is fine. */
export async function removeNetwork(slot: number): Promise<void> {
  const network = networkOf(slot);
  for (const namespace of [network.node0Namespace, network.segmentNamespace, network.outsideNamespace]) {
    const path = `/run/netns/${namespace}`;
    const { stderr } = existsSync(path)
      ? await run(["ip", "netns", "del", namespace], { check: false })
      : { stderr: "" };
    if (existsSync(path)) throw new Error(`the namespace ${namespace} cannot be removed: ${stderr.trim()}`);
  }
  if (existsSync(`/sys/class/net/${network.id}`)) await run(["ip", "link", "del", network.id], { check: false });
  await removeNamespaceFolder();
}

/** `ip netns add` mounts /run/netns on itself and leaves that there; the last namespace takes it along. */
async function removeNamespaceFolder(): Promise<void> {
  if (!existsSync("/run/netns") || readdirSync("/run/netns").length > 0) return;
  const isMounted = readFileSync("/proc/self/mountinfo", "utf8").includes(" /run/netns ");
  if (isMounted) await run(["umount", "/run/netns"], { check: false });
  try {
    rmdirSync("/run/netns");
  } catch {
    // Somebody has just made a namespace.
  }
}
