import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

/** The examples that have no lab in `npm test`: up, up again, a change, destroy, each on the same node 0. */
describe("examples", () => {
  let lab: Lab;
  const made: ScratchProject[] = [];

  const up = ["up", "--yes", "--skip-preview"];
  const again = [...up, "--expect-no-changes"];

  async function projectOf(example: string, sharing?: ScratchProject): Promise<ScratchProject> {
    const from = `examples/${example}`;
    const project = await scratchProject({ from, ...(sharing && { sharing }) });
    made.push(project);
    return project;
  }

  async function onNode0(project: ScratchProject): Promise<ScratchProject> {
    const { host, hostKey, privateKeyPath } = lab.node0;
    await project.config({ host, hostKey, privateKeyPath });
    return project;
  }

  /** Writes the program with another text in it. */
  function change(project: ScratchProject, file: string, from: string, to: string): void {
    const text = readFileSync(join(project.folder, file), "utf8");
    expect(text).toContain(from);
    project.write({ [file]: text.replace(from, to) });
  }

  async function expectNothingLeft(): Promise<void> {
    // The folder of the boot files stays only where Debian's own package has made it.
    const { stdout } = await lab.node0.run("ls -A /srv/tftp 2>/dev/null; ls -A /var/lib/pulumi-netboot");
    expect(stdout).toBe("packages\n");
  }

  beforeAll(async () => {
    lab = await labUp({ privateCidr: "10.20.0.0/23", privateAddress: "10.20.0.1" });
  });

  afterAll(async () => {
    for (const project of made) await project.remove();
    await lab?.down();
  });

  it("parts serve a machine, change, and go", async () => {
    const project = await onNode0(await projectOf("parts"));
    await project.succeed(up);
    await project.succeed(again);
    expect(await project.outputs()).toMatchObject({
      manager: "none",
      listening: ["eno2 udp 67", "10.20.0.1:69 udp"],
      nextBoot: expect.stringContaining("UEFI x64 → ipxe.efi sha256:67c7f1f8"),
    });
    change(project, "index.ts", "timeoutSeconds: 3", "timeoutSeconds: 5");
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(/BootFile files-refind\.conf update/);
    await project.succeed(up);
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    await expectNothingLeft();
  });

  it("two-stacks serve the second one's machine, and keep the first one from going before it", async () => {
    const first = await onNode0(await projectOf("two-stacks/node0"));
    await first.succeed(up);
    const second = await projectOf("two-stacks/machines", first);
    await second.succeed(up);
    await second.succeed(again);
    expect((await second.outputs())["verified"]).toContain("DHCP offered 10.20.0.21");
    change(second, "index.ts", "10.20.0.21", "10.20.0.22");
    await second.succeed(up);
    expect((await second.outputs())["verified"]).toContain("DHCP offered 10.20.0.22");
    const { code, output } = await first.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(code).not.toBe(0);
    expect(output).toContain("[IN_USE]");
    await second.succeed(["destroy", "--yes", "--skip-preview"]);
    await first.succeed(["destroy", "--yes", "--skip-preview"]);
    await expectNothingLeft();
  });

  describe("fleet", () => {
    let project: ScratchProject;

    it("serves three hundred machines, and changes nothing the second time", async () => {
      project = await onNode0(await projectOf("fleet"));
      await project.succeed(up);
      const { boots, hosts } = (await project.outputs()) as { boots: Record<string, string>; hosts: string };
      expect(Object.keys(boots)).toHaveLength(300);
      expect(boots["db-2"]).toContain("UEFI x64 → snponly.efi sha256:18fc84b6");
      expect(hosts).toContain("10.20.0.11 db-1.rack-a.example.net db-1\n10.20.0.12 db-2.rack-a.example.net db-2\n");
      expect(hosts).toContain("10.20.1.250 spare.rack-a.example.net spare\n");
      await project.succeed(again);
    });

    it("is rolled out by examples/automation: proved, and each machine rebooted and waited for", async () => {
      change(project, "fleet.yaml", 'comment: "height 12"', 'comment: "height 13"');
      const { rollOut } = loadAutomation();
      const bin = join(project.folder, "node_modules/.bin");
      mkdirSync(bin);
      symlinkSync("../pulumi-netboot/dist/provider/cli/main.js", join(bin, "pulumi-netboot"));
      chmodSync(join(bin, "pulumi-netboot"), 0o755);
      const said: string[] = [];
      const asked: string[] = [];
      const machines = {
        "db-1": ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
        "db-2": ["04:3f:72:aa:00:03", "04:3f:72:aa:00:04"],
      };
      const env = process.env;
      process.env = { ...env, ...project.env };
      try {
        await rollOut({
          project: project.folder,
          stack: "dev",
          machines: Object.keys(machines),
          reboot: async (name) => {
            const machine = await lab.machine({ name, macs: machines[name as keyof typeof machines], bootFrom: 1 });
            const { reachedDisk } = await machine.boot();
            await machine.off();
            expect(reachedDisk).toBe(true);
          },
          confirm: async (question) => {
            asked.push(question);
            return true;
          },
          say: (line) => said.push(line),
        });
      } finally {
        process.env = env;
      }
      expect(asked).toEqual(["Bring this to node 0 of dev?", "Reboot db-1?", "Reboot db-2?"]);
      expect(said.join("\n")).toContain("301 machines, all served");
      expect(said).toEqual(expect.arrayContaining(["db-1 is back: rEFInd", "db-2 is back: rEFInd"]));
      await project.succeed(again);
    });

    it("leaves nothing behind", async () => {
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      await expectNothingLeft();
    });
  });
});

/** The example's module, as Node runs it for a user. */
function loadAutomation(): typeof import("../../examples/automation/index") {
  const file = join(process.cwd(), "examples/automation/index.ts");
  const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const loaded = { exports: {} };
  const require = Object.assign(createRequire(file), { main: undefined });
  new Function("require", "exports", "module", "__dirname", outputText)(
    require,
    loaded.exports,
    loaded,
    join(file, ".."),
  );
  return loaded.exports as typeof import("../../examples/automation/index");
}
