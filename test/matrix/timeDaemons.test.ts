import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

/** What becomes of a time daemon that somebody chose, where the program says that chrony may take its place. */
describe.each(["bullseye", "bookworm", "trixie"] as const)("a time daemon of the user's own on %s", (release) => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp({ release });
    // The libraries that chrony brings stay after a destroy, as all packages do but itself; so they are there before.
    await lab.node0.run(`
      apt-get -q -y install --no-install-recommends chrony
      apt-get -q -y install --no-install-recommends systemd-timesyncd
      dpkg --purge chrony`);
    const program = programOn(lab, 'new netboot.TimeServer("time", { connection, network, replace: true });');
    project = await scratchProject({ files: { "index.ts": program }, name: "own" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it.each([
    ["ntpsec", "/etc/ntpsec/ntp.conf"],
    ["openntpd", "/etc/openntpd/ntpd.conf"],
  ])("goes and comes back as it was: %s", async (name, file) => {
    await lab.node0.run(`apt-get -q -y install --no-install-recommends ${name} && sed -i '1i # my own' ${file}`);
    const before = await lab.node0.listing();
    const { stdout: state } = await lab.node0.run(`systemctl is-enabled ${name}`);
    await project.succeed(up);
    expect((await lab.node0.run("systemctl is-active chrony")).stdout).toBe("active\n");
    await project.succeed(destroy);
    expect(await changedSince(lab, before)).toEqual([]);
    const { stdout } = await lab.node0.run(`systemctl is-enabled ${name}; head -1 ${file}`);
    expect(stdout).toBe(`${state}# my own\n`);
  });

  it("keeps its configuration and its unit where it is a chrony already", async () => {
    await lab.node0.run(`
      apt-get -q -y install --no-install-recommends chrony
      printf '# my own\\nserver 192.0.2.9\\n' >> /etc/chrony/chrony.conf
      systemctl restart chrony`);
    const before = await lab.node0.listing();
    await project.succeed(up);
    const { stdout } = await lab.node0.run(
      "ss -H -lnu 'sport = :123' | awk '{print $4}'; chronyc -n sources | grep -c 192.0.2.9",
    );
    expect(stdout).toBe("192.168.1.1:123\n1\n");
    await project.succeed(destroy);
    expect(await changedSince(lab, before)).toEqual([]);
    expect((await lab.node0.run("systemctl is-active chrony; ss -H -lnu 'sport = :123'")).stdout).toBe("active\n");
  });

  it("goes on as before where its own configuration keeps it from the private address", async () => {
    await lab.node0.run("echo bindaddress 127.0.0.1 >> /etc/chrony/chrony.conf && systemctl restart chrony");
    const before = await lab.node0.listing();
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/chrony\.service runs but does not listen on udp 192\.168\.1\.1 123/);
    expect(output).toMatch(/the previous configuration was put back/);
    const changed = await changedSince(lab, before);
    expect(changed.filter((line) => !/pulumi-netboot/.test(line))).toEqual([]);
    expect((await lab.node0.run("systemctl is-active chrony")).stdout).toBe("active\n");
  });
});
