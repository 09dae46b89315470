import type { Question } from "../facts/question";
import { unitFacts } from "../facts/units";
import { dhcpBackends } from "../formats/dhcpBackend";
import { tftpdUnit } from "../os/paths";
import { backendIn } from "./dhcpServer";
import type { Facts } from "./facts";
import type { Refusal } from "./refusal";

const units = unitFacts([...dhcpBackends.map(({ unit }) => unit), tftpdUnit], "silence.units");

/** The timer, and what it starts: both are gone once it has. */
const silenceUnit = "pulumi-netboot-drill";
export const silenceTimer: string = `${silenceUnit}.timer`;

/** Why a node 0 is silent while the timer waits. */
export const shownDrill =
  "a drill keeps DHCP and TFTP silent here; this timer starts them again within a minute, and an `up` that changes them ends it before";

/** What is to be known of node 0 before it falls silent. */
export const silenceQuestions: Readonly<Record<string, Question>> = units.questions;

/** The units by which machines boot from this node 0, or why it can't fall silent: one of them does not run. */
export function planSilence({ before, answers }: Facts): readonly string[] | Refusal {
  const names = [backendIn(before).unit, tftpdUnit];
  const shown = units.read(answers);
  const down = names.filter((name) => shown.get(name)?.activeState !== "active");
  if (down.length === 0) return names;
  const does = down.length === 1 ? "does" : "do";
  return {
    code: "NOT_SERVING",
    message: `${down.join(" and ")} ${does} not run here, so there is nothing to silence; \`npx pulumi-netboot doctor\` says more`,
  };
}

/** Starts them again after so many seconds, whatever becomes of us; a reboot of node 0 starts them, too. */
export function wakesLater(names: readonly string[], seconds: number): Question {
  const timer = [`--on-active=${seconds}s`, "--timer-property=AccuracySec=1s", `--unit=${silenceUnit}`];
  return { ask: "run", argv: ["systemd-run", "--quiet", ...timer, "systemctl", "start", "--", ...names] };
}

export function silences(names: readonly string[]): Question {
  return { ask: "run", argv: ["systemctl", "stop", "--", ...names] };
}

export function wakes(names: readonly string[]): Question {
  return { ask: "run", argv: ["systemctl", "start", "--", ...names] };
}

/** The timer is of no use any more. */
export const endsTimer: Question = { ask: "run", argv: ["systemctl", "stop", "--", silenceTimer] };

/** Whether the timer could not be ended because it has run out and is gone. */
export function hasRunOut(said: string): boolean {
  return new RegExp(`${silenceUnit}\\.timer(?:: Unit \\S+)? not loaded`).test(said);
}

/** Why one of these was not done, with systemd's words. */
export function whyNotDone(said: string): string {
  const why = said.includes(silenceTimer)
    ? "a drill runs there already, or was cut short, and its timer has not ended it yet"
    : "systemd refused a part of the drill";
  return `${why}; it said:\n${said.trim().replace(/^/gm, "  ")}`;
}
