import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { runCommand } from "../../tools/command.mts";
import { engineEnvironment } from "../../tools/engine.mts";
import { packedTarball } from "../../tools/scratch.mts";
import { type Block, blocksOf, placeOf } from "../support/docs";

/** The page as somebody walks it: an empty home, a node 0 that is known by its address, and each block in its turn. */
describe("docs/getting-started.md", () => {
  const root = mkdtempSync(join(tmpdir(), "getting-started-"));
  const home = join(root, "home");
  const bin = join(root, "bin");
  let lab: Lab;
  let env: NodeJS.ProcessEnv;
  let tarball: string;
  let folder = root;
  let said = "";

  beforeAll(async () => {
    lab = await labUp();
    tarball = await packedTarball();
    const { env: engine } = await engineEnvironment({ home: join(root, "pulumi"), backend: join(root, "unused") });
    const { PULUMI_BACKEND_URL: _none, ...rest } = engine;
    env = { ...rest, HOME: home, PATH: `${bin}:${rest["PATH"]}`, PULUMI_CONFIG_PASSPHRASE: "a passphrase" };
    // What somebody has who logs in there by ssh: a key, and node 0's in known_hosts.
    mkdirSync(join(home, ".ssh"), { recursive: true, mode: 0o700 });
    copyFileSync(lab.node0.privateKeyPath, join(home, ".ssh/id_ed25519"));
    writeFileSync(join(home, ".ssh/known_hosts"), `${lab.node0.host} ${lab.node0.hostKey}\n`);
    // ssh goes by the home of the user who runs the tests, not by HOME.
    mkdirSync(bin);
    const ssh = `#!/bin/sh\nexec /usr/bin/ssh -F none -i ${home}/.ssh/id_ed25519 -o UserKnownHostsFile=${home}/.ssh/known_hosts "$@"\n`;
    writeFileSync(join(bin, "ssh"), ssh);
    chmodSync(join(bin, "ssh"), 0o755);
  });
  afterAll(async () => {
    await lab?.down();
    rmSync(root, { recursive: true, force: true });
  });

  /** Runs it where the block before it has left off. */
  async function shell(text: string): Promise<string> {
    const here = text
      .replaceAll("203.0.113.7", lab.node0.host)
      .replace("npm install pulumi-netboot ", `npm install --prefer-offline --no-audit ${tarball} `);
    const script = `set -euo pipefail\n${here}\npwd > ${root}/pwd\n`;
    const { code, output } = await runCommand(["bash", "-c", script], { cwd: folder, env, timeoutSeconds: 300 });
    expect(code, `${text}\n${output}`).toBe(0);
    folder = readFileSync(join(root, "pwd"), "utf8").trim();
    return output;
  }

  async function walk({ language, what, text }: Block): Promise<void> {
    const name = /^file=(\S+)$/.exec(what)?.[1];
    if (name !== undefined) writeFileSync(join(folder, name), text);
    if (language === "text" && what === "output") expectLines(text, said);
    if (language !== "sh" || what !== "run") return;
    // The reboot is the reader's own.
    if (text.includes("history")) await reboot();
    said = await shell(text);
  }

  async function reboot(): Promise<void> {
    const machine = await lab.machine({ name: "node-1", macs: ["52:54:00:12:34:56"] });
    const { reachedDisk } = await machine.boot();
    await machine.off();
    expect(reachedDisk).toBe(true);
  }

  it.each(blocksOf("docs/getting-started.md").map((block) => [placeOf(block), block] as const))("%s", (_place, block) =>
    walk(block),
  );

  it("has told of the boot", () => {
    expect(said).toMatch(/^node-1 {2}\S+Z {2}rEFInd {2}192\.168\.1\.2, ipxe\.efi 67c7f1f8e0, /m);
  });

  it("and README's previews are what one sees", async () => {
    const program = readFileSync(join(folder, "index.ts"), "utf8");
    const changed = program.replace(
      `address: "192.168.1.1" },`,
      `address: "192.168.1.1" },\n  artifacts: { refindConf: { timeoutSeconds: 3 } },`,
    );
    expect(changed).not.toBe(program);
    writeFileSync(join(folder, "index.ts"), changed);
    const later = await shell("pulumi preview --diff");
    const verified = await shell("npx pulumi-netboot verify");
    const first = await shell(
      "pulumi stack init other && pulumi config cp --stack prod --dest other && pulumi preview",
    );
    const [shownFirst, shownLater, shownVerified] = blocksOf("README.md").filter(
      ({ what }) => what === "output: test/system/gettingStarted.test.ts",
    );
    expectLines(shownFirst?.text ?? "?", first);
    expectLines(shownLater?.text ?? "?", later);
    expectLines(shownVerified?.text ?? "?", verified);
  });

  it("leaves nothing behind but packages that are stopped", async () => {
    await shell("pulumi destroy --yes --stack prod");
    const { stdout } = await lab.node0.run("ls -A /srv/tftp /var/lib/pulumi-netboot");
    expect(stdout).toBe("/srv/tftp:\n\n/var/lib/pulumi-netboot:\npackages\n");
  });
});

/** Each line of a page was printed, one after the other, whatever came between them, and however far they were set in. */
function expectLines(shown: string, printed: string): void {
  const flat = (text: string): string => text.replace(/\s+/g, " ").trim();
  const lines = printed.split("\n").map(flat);
  let from = 0;
  for (const line of shown.split("\n").map(flat)) {
    if (line === "" || line === "..." || line.startsWith("$ ")) continue;
    const start = line.replace(/…$/, "");
    const at = lines.findIndex((each, index) => index >= from && each.includes(start));
    expect(at, `"${line}" in\n${printed}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
}
