import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { saidOfRules } from "./askNode0";
import { type Firewall, fetchFromOutside, firewalls } from "./firewalls";
import { programOn } from "./node0";

/** Longer than one block, so that a client's acknowledgement has to come through. */
const greeting = "Hello from node 0.\n".repeat(200);

const up = ["up", "--yes", "--skip-preview"];

const tftp = `const tftp = new netboot.TftpServer("tftp", { connection, address: network.address });\n`;
const opened = (settings = "{}") => `${tftp}
const firewall = new netboot.Firewall("firewall", {
  connection, interface: network.interface, services: ["dhcp", "tftp"], ...${settings},
}, { dependsOn: tftp });
export const manager = firewall.manager;
`;

/** The whole life of a Firewall on a host with this manager, seen from a machine on the private network. */
export function describeFirewall(name: keyof typeof firewalls): void {
  describe(`a firewall of ${name}`, () => {
    const { manager, setUp, reloads, effective, takeOut, putsIn }: Firewall = firewalls[name];
    let lab: Lab;
    let project: ScratchProject;
    let before: string;
    const rules = async () => (await lab.node0.run(effective)).stdout;
    const write = (rest: string) => project.write({ "index.ts": programOn(lab, rest) });

    beforeAll(async () => {
      lab = await labUp();
      await lab.node0.run(`set -e\n${setUp}`);
      // As it is after a boot: managers print what they have loaded in another order than what was added one by one.
      await lab.node0.reboot();
      before = await rules();
      project = await scratchProject({ files: { "index.ts": programOn(lab, tftp) }, name: "firewall" });
      await project.succeed(up);
      await lab.node0.run("cat > /srv/tftp/greeting", { input: greeting });
    });

    afterAll(async () => {
      await project?.remove();
      await lab?.down();
    });

    /** What the proof says of these rules. */
    const said = () => saidOfRules(lab, "eno2", "192.168.1.1", "192.168.1.0/28");

    it("keeps machines out before, and the proof says so", async () => {
      expect(await fetchFromOutside(lab)).toBe("no answer");
      expect(await said()).toMatch(
        /^kept out: node 0's firewall drops requests for files \(udp 69\) of machines on eno2, by /,
      );
    });

    it("lets them in after an up, and a second one changes nothing", async () => {
      write(opened());
      await project.succeed(up);
      expect(await project.outputs()).toEqual({ manager });
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await said()).toBe("admitted");
      const opener = await rules();
      const { stdout } = await project.succeed(up);
      expect(stdout).toMatch(/\d+ unchanged/);
      expect(stdout).not.toMatch(/\d+ (updated|created)/);
      await project.succeed(["refresh", "--yes"]);
      expect(await rules()).toBe(opener);
    });

    it.each(reloads)("stays so after %s", async (command) => {
      const opener = await rules();
      await lab.node0.run(command);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await rules()).toBe(opener);
    });

    it("stays so after a reboot of node 0", async () => {
      await lab.node0.reboot();
      expect(await fetchFromOutside(lab)).toBe(greeting);
    });

    it("misses a rule that somebody took out while nothing watches, and puts it back", async () => {
      const opener = await rules();
      await lab.node0.run(`systemctl stop pulumi-netboot-firewall; ${takeOut}`);
      expect(await fetchFromOutside(lab)).not.toBe(greeting);
      const { stdout } = await project.succeed(["preview", "--refresh", "--diff"]);
      expect(stdout).toContain(`"allow in on ${lab.node0.privateInterface} udp 69"`);
      await project.succeed([...up, "--refresh"]);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await rules()).toBe(opener);
    });

    it("drops on all other interfaces, and node 0 has what it needs of them", async () => {
      write(opened("{ confine: true }"));
      await project.succeed(up);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      await lab.node0.run("apt-get -q -o APT::Update::Error-Mode=any update");
    });

    it("has the rules that it had when a power cut ends the change", async () => {
      write(tftp);
      await project.succeed(up);
      expect(await rules()).toBe(before);
      // The program does its work, but does not end before the power does.
      const [program, word] = putsIn;
      await lab.node0.run(`
        mv ${program} ${program}.real
        printf '#!/bin/bash\n(exec -a %s %s "$@") || exit\ncase "$*" in *%s*) sleep 60;; esac\n' ${program} ${program}.real ${word} > ${program}
        chmod 755 ${program}`);
      write(opened());
      const cut = project.pulumi(up);
      await expect.poll(() => rules(), { timeout: 90_000 }).not.toBe(before);
      await lab.node0.powerCut();
      expect((await cut).code).not.toBe(0);
      await lab.node0.powerOn();
      expect(await rules()).toBe(before);
      await lab.node0.run(`mv ${program}.real ${program}`);
      await project.succeed(up);
      expect(await fetchFromOutside(lab)).toBe(greeting);
    });

    it("is as it was after a destroy, also when node 0 was rebooted", async () => {
      write(tftp);
      await project.succeed(up);
      expect(await rules()).toBe(before);
      expect(await fetchFromOutside(lab)).toBe("no answer");
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      await lab.node0.reboot();
      expect(await rules()).toBe(before);
      const { stdout } = await lab.node0.run(
        "grep -rl pulumi-netboot /etc /usr/share/netfilter-persistent; ls -d /etc/systemd/system/nftables.service.d",
        {
          check: false,
        },
      );
      expect(stdout).toBe("");
    });
  });
}
