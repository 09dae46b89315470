import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { printable } from "../../provider/values/printable";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { harmsOfRounds } from "../support/harms";
import { netbootCommand, programOn } from "../support/node0";
import { randomOf } from "../system/faults/random.mts";

const seed = Number(process.env["NETBOOT_HARM_SEED"] ?? 8);
const rounds = Number(process.env["NETBOOT_HARM_ROUNDS"] ?? 40);

/** The second MAC of b is one of two: which NIC a machine boots from is not ours to choose. */
const machines = [
  { name: "a", macs: ["52:54:00:00:06:01"], address: "192.168.1.2" },
  { name: "b", macs: ["52:54:00:00:06:02", "52:54:00:00:06:03"], address: "192.168.1.3" },
] as const;
type Machine = (typeof machines)[number];

const bootFiles = ["ipxe.efi", "refind.pxe", "refind.conf", "refind_x64.efi"];

/** Of each machine what is wrong, or nothing. */
type Told = Readonly<Record<string, string | undefined>>;

/** Somebody harms node 0, and the proof is held against what a client from outside gets in the place of each machine. */
describe(`node 0 harmed at random (NETBOOT_HARM_SEED=${seed} NETBOOT_HARM_ROUNDS=${rounds})`, () => {
  let lab: Lab;
  let project: ScratchProject;
  const hashes = new Map<string, string>();

  beforeAll(async () => {
    lab = await labUp();
    const nodes = machines.map(
      ({ name, macs, address }) =>
        `new netboot.OlaNode("${name}", { server: node0, macs: ${JSON.stringify(macs)}, address: "${address}" });`,
    );
    const server = 'const node0 = new netboot.NetbootServer("node0", { connection, network });';
    project = await scratchProject({
      files: { "index.ts": programOn(lab, [server, ...nodes].join("\n")) },
      name: "harm",
    });
    await project.succeed(["up", "--yes", "--skip-preview"]);
    await lab.node0.run("apt-get -q -y install --no-install-recommends nftables >/dev/null");
    for (const name of bootFiles) {
      hashes.set(name, (await lab.node0.run(`sha256sum /srv/tftp/${name}`)).stdout.slice(0, 64));
    }
    expect(await whatIsSaid()).toEqual({});
    expect(await whatIsTrue()).toEqual({});
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  async function whatIsSaid(): Promise<Told> {
    const { stdout, output } = await netbootCommand(project, "verify", "--json", "--stack", "dev");
    if (!stdout.startsWith("[")) throw new Error(`verify told of no machine: ${output}`);
    const told = JSON.parse(stdout) as readonly { machine: string; served: boolean; seen: string }[];
    return wrongOnly(told.map(({ machine, served, seen }) => [machine, served ? undefined : seen]));
  }

  async function whatIsTrue(): Promise<Told> {
    const found: [string, string | undefined][] = [];
    for (const machine of machines) found.push([machine.name, await whyItGetsNothing(machine)]);
    return wrongOnly(found);
  }

  function wrongOnly(found: readonly (readonly [string, string | undefined])[]): Told {
    return Object.fromEntries(found.filter(([, wrong]) => wrong !== undefined));
  }

  /** As the machine: with its MAC and its address, and nothing known of node 0. */
  async function whyItGetsNothing({ macs, address }: Machine): Promise<string | undefined> {
    const { segment } = lab;
    const nic = segment.clientInterface;
    const mac = macs.at(-1) ?? "";
    await segment.run([
      "sh",
      "-ec",
      `ip address flush dev ${nic}; ip link set ${nic} address ${mac}; ip neigh flush dev ${nic}
      ip address add ${address}/28 dev ${nic}; ip route replace 255.255.255.255 dev ${nic}`,
    ]);
    const client = resolve("test/support/dhcpClient.mts");
    const asking = JSON.stringify([
      { mac, arch: [7] },
      { mac, arch: [7], userClass: "iPXE" },
    ]);
    const asked = await segment.run([process.execPath, client, asking], { check: false });
    if (asked.code !== 0) return `DHCP: ${/Error: .*/.exec(asked.stderr)?.[0] ?? asked.stderr.trim()}`;
    const answers = JSON.parse(asked.stdout) as readonly Readonly<Record<string, string>>[];
    const given = answers.map(({ type, address: own, filename, nextServer }) =>
      type === "ack" ? `${own} ${filename} ${nextServer}` : type,
    );
    const { privateAddress } = lab.node0;
    const wanted = ["ipxe.efi", "refind.pxe"].map((name) => `${address} ${name} ${privateAddress}`);
    const other = wanted.findIndex((each, index) => each !== given[index]);
    if (other >= 0) return `DHCP: ${given[other]}, not ${wanted[other]}`;
    for (const name of bootFiles) {
      const fetch = `timeout 60 ${process.execPath} ${resolve("test/support/tftpClient.mts")} ${privateAddress} ${name}`;
      // Into a file: what goes into a pipe may be cut off where the program ends.
      const hash = `got=$(mktemp); ${fetch} > "$got"; sha256sum < "$got"; rm "$got"`;
      const fetched = () => segment.run(["sh", "-c", hash], { check: false });
      let got = await fetched();
      // A machine under load may need longer than this client waits.
      for (let again = 0; again < 2 && /^(no answer|the transfer stalls)/.test(got.stderr); again++)
        got = await fetched();
      if (got.stdout.slice(0, 64) === hashes.get(name)) continue;
      return `${name}: ${printable(got.stderr.trim()) || "it did not come right"}`;
    }
    return undefined;
  }

  async function isWhole(): Promise<boolean> {
    return Object.keys({ ...(await whatIsSaid()), ...(await whatIsTrue()) }).length === 0;
  }

  /** So that a round which mends badly fails alone. */
  async function makeWhole(): Promise<void> {
    await lab.node0.run(
      "systemctl daemon-reload; systemctl reset-failed; systemctl restart isc-dhcp-server tftpd-hpa",
      {
        check: false,
      },
    );
    if (!(await isWhole())) await lab.node0.reboot();
  }

  const planned = harmsOfRounds(randomOf(seed), rounds).map((chosen, round) => ({
    round,
    chosen,
    names: chosen.map(({ name }) => name).join(", and "),
  }));

  it.each(planned)("is told as it is: round $round, $names", async ({ round, chosen, names }) => {
    const where = `seed ${seed}, round ${round}: ${names}`;
    const harmed = await lab.node0.run(chosen.map(({ harm }) => harm).join("\n"), { check: false });
    const found = await Promise.allSettled([whatIsTrue(), whatIsSaid()]);
    for (const { mend } of chosen.toReversed()) await lab.node0.run(mend, { check: false });
    await wait(500);
    const after = await whatIsSaid();
    if (Object.keys(after).length > 0) await makeWhole();

    const [isTrue, isSaid] = found.map((each) => {
      if (each.status === "rejected") throw each.reason;
      return each.value;
    }) as [Told, Told];
    console.log(JSON.stringify({ where, harmed: harmed.stderr.trim().slice(0, 200), isTrue, isSaid }));
    const may = chosen.flatMap(({ saysNo }) => saysNo ?? []);
    for (const { name } of machines) {
      const [wrong, said] = [isTrue[name], isSaid[name]];
      expect(wrong !== undefined && said === undefined, `${where}: verify says yes to ${name}: ${wrong}`).toBe(false);
      const isFalseNo = wrong === undefined && said !== undefined && may.length === 0;
      expect(isFalseNo, `${where}: verify says no to ${name}, which gets all its files: ${said}`).toBe(false);
    }
    expect(after, `${where}: mended, and not served again`).toEqual({});
  });
});
