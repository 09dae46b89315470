import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

describe("packages of which apt or dpkg are ended in the middle", () => {
  let lab: Lab;
  let project: ScratchProject;

  /** A server with or without its time, and a machine that is proved anew. */
  const timed = (part: string): string =>
    `const node0 = new netboot.NetbootServer("node0", { connection, network, ${part} names: false });
     const macs = ["52:54:00:00:00:01"];
     new netboot.OlaNode("db-1", { server: node0, macs, address: "192.168.1.11", verify: { again: "${part}" } });`;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, timed("time: false,")) }, name: "ended" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("are brought and taken away all the same, and nothing of what was there before is lost", async () => {
    const dyingDpkg = (at: string): string => `cat > /usr/local/bin/dpkg <<'END'
#!/bin/sh
case " $* " in *" ${at} "*) kill -KILL $$ ;; esac
exec /usr/bin/dpkg "$@"
END
      chmod +x /usr/local/bin/dpkg`;
    const keepers = async (): Promise<string> =>
      (await lab.node0.run("dpkg -l | awk '/ (chrony|systemd-timesyncd) /{ print $1, $2 }'")).stdout;
    project.write({ "index.ts": programOn(lab, timed("time: false,")) });
    await project.succeed(up);
    expect(await keepers()).toBe("ii systemd-timesyncd\n");

    // apt dies when chrony is unpacked and systemd-timesyncd is gone, and whoever shall go on then dies, too.
    await lab.node0.run(`cat > /root/dying-dpkg <<'END'
#!/bin/sh
case " $* " in *" --configure "*) kill -KILL $PPID; exit 1 ;; esac
/usr/bin/dpkg "$@"; status=$?
case " $* " in *" --unpack "*) kill -KILL $PPID ;; esac
exit $status
END
      ${dyingDpkg("--configure")}
      chmod +x /root/dying-dpkg; echo 'Dir::Bin::dpkg "/root/dying-dpkg";' > /etc/apt/apt.conf.d/99dying`);
    project.write({ "index.ts": programOn(lab, timed("")) });
    const { output } = await project.pulumi(up);
    await lab.node0.run("rm /etc/apt/apt.conf.d/99dying /root/dying-dpkg /usr/local/bin/dpkg");
    expect(output).toMatch(/apt could not install chrony:[\s\S]*Nothing was changed, and node 0 serves what it served/);
    await project.succeed(up);
    expect(await keepers()).toMatch(/^ii chrony\n/);
    expect((await lab.node0.run("chronyc -n tracking | head -1")).stdout).toMatch(/^Reference ID/);

    // dpkg is killed whenever it shall take chrony's configuration away.
    await lab.node0.run(dyingDpkg("--purge"));
    project.write({ "index.ts": programOn(lab, timed("time: false,")) });
    const warned = await project.succeed(up);
    await lab.node0.run("rm /usr/local/bin/dpkg");
    expect(warned.output).toMatch(/chrony stays on the host until the next run, because dpkg could not remove it/);
    project.write({ "index.ts": programOn(lab, timed("time: false, ")) });
    await project.succeed(up);
    expect(await keepers()).toBe("ii systemd-timesyncd\n");
    // Now the agent dies with apt; what apt brought is ours all the same.
    await lab.node0.run(`cat > /root/dying-dpkg <<'END'
#!/bin/sh
/usr/bin/dpkg "$@"; status=$?
case " $* " in *" --unpack "*) kill -KILL $(awk '{ print $4 }' /proc/$PPID/stat) $PPID ;; esac
exit $status
END
      chmod +x /root/dying-dpkg; echo 'Dir::Bin::dpkg "/root/dying-dpkg";' > /etc/apt/apt.conf.d/99dying`);
    project.write({ "index.ts": programOn(lab, timed("")) });
    expect((await project.pulumi(up)).code).not.toBe(0);
    await lab.node0.run("rm /etc/apt/apt.conf.d/99dying /root/dying-dpkg");
    await project.succeed(up);
    expect(await keepers()).toMatch(/^ii chrony\n/);
    expect((await lab.node0.run("cat /var/lib/pulumi-netboot/packages")).stdout).toMatch(/^chrony$/m);
  });
});
