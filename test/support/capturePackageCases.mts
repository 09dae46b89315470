/**
 * Captures what real Debians answer about their packages, into test/cases/packages. `node test/support/capturePackageCases.mts
 * [release …]` takes some minutes a release.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import type { Question } from "../../provider/facts/question.ts";
import { fromSource } from "./fromSource.mts";

const { packagesFact } = fromSource(
  "../../provider/facts/packages",
) as typeof import("../../provider/facts/packages.ts");
const { unitFacts } = fromSource("../../provider/facts/units") as typeof import("../../provider/facts/units.ts");

const units = ["chrony", "ntpsec", "openntpd", "systemd-timesyncd", "tftpd-hpa", "not-there"];
const folder = new URL("../cases/packages/", import.meta.url);

/** A package whose preinst kills dpkg, so that half of it is there. */
const halfInstalled = `
  dpkg-deb -R tftpd-hpa_*.deb half && printf '#!/bin/sh\\nkill -KILL $PPID\\n' > half/DEBIAN/preinst
  chmod +x half/DEBIAN/preinst && dpkg-deb -b half half.deb >/dev/null && dpkg --unpack half.deb || true`;
/** A package that others may leave a trigger for, and one that waits until it was run. */
const awaiting = `
  mkdir -p awaited/DEBIAN
  printf 'Package: awaited\\nVersion: 1\\nArchitecture: all\\nMaintainer: me <me@example.net>\\nDescription: awaited\\n' > awaited/DEBIAN/control
  echo 'interest awaited' > awaited/DEBIAN/triggers
  dpkg-deb -b awaited awaited.deb >/dev/null && dpkg -i awaited.deb
  dpkg-trigger --by-package=tftpd-hpa awaited`;

/** Each begins where the one before it ended. */
const states: readonly (readonly [string, string])[] = [
  ["fresh", "true"],
  ["half-installed", halfInstalled],
  ["unpacked", "dpkg --force-remove-reinstreq --purge tftpd-hpa; dpkg --unpack tftpd-hpa_*.deb"],
  ["installed", "dpkg --configure -a"],
  ["trigger-awaited", awaiting],
  ["removed", "dpkg --configure -a; apt-get -q -y remove tftpd-hpa"],
  ["chrony", "apt-get -q -y install --no-install-recommends chrony"],
  ["ntpsec", "apt-get -q -y install --no-install-recommends ntpsec"],
  ["openntpd", "apt-get -q -y install --no-install-recommends openntpd"],
];

async function answer(lab: Lab, question: Question): Promise<unknown> {
  if (question.ask !== "run") return undefined;
  const words = question.argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const { code, stdout, stderr } = await lab.node0.run(`LC_ALL=C ${words}`, { check: false });
  return { status: code, said: stdout + stderr };
}

async function capture(lab: Lab, release: Release, state: string): Promise<void> {
  const asked = { ...packagesFact.questions, ...unitFacts(units.map((name) => `${name}.service`)).questions };
  const answers: Record<string, unknown> = {};
  for (const [key, question] of Object.entries(asked)) {
    const said = await answer(lab, question);
    if (said !== undefined) answers[key] = said;
  }
  writeFileSync(new URL(`${release}-${state}.json`, folder), `${JSON.stringify(answers, undefined, 1)}\n`);
  process.stdout.write(`${release} ${state}\n`);
}

mkdirSync(folder, { recursive: true });
const wanted = process.argv.slice(2);
for (const release of ["bookworm", "bullseye", "trixie"] as const) {
  if (wanted.length > 0 && !wanted.includes(release)) continue;
  const lab = await labUp({ release });
  try {
    await lab.node0.run("apt-get -q update && cd /root && apt-get -q download tftpd-hpa");
    for (const [state, script] of states) {
      await lab.node0.run(`export DEBIAN_FRONTEND=noninteractive; cd /root; ${script}`, { check: false });
      await capture(lab, release, state);
    }
    const refused = await lab.node0.run("apt-get -q -y install no-such-package-of-ours", { check: false });
    process.stdout.write(`${refused.stdout}${refused.stderr}\n`);
  } finally {
    await lab.down();
  }
}
