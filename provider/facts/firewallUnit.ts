import { firewallUnit as name, unitFile } from "../os/paths";
import type { Answers, Fact } from "./question";

/** Our unit that watches over the firewall's rules. */
export interface FirewallUnit {
  /** Its file's text; undefined if there is none. */
  readonly text: string | undefined;
  readonly runs: boolean;
}

export const firewallUnit: Fact<FirewallUnit> = {
  questions: {
    "firewallUnit.file": { ask: "path", path: unitFile(name), bytes: 65_536 },
    "firewallUnit.state": { ask: "run", argv: ["systemctl", "show", "--property=ActiveState", "--", name] },
  },

  read: (answers: Answers): FirewallUnit => ({
    text: answers.path("firewallUnit.file")?.content,
    runs: /^ActiveState=active$/m.test(answers.ran("firewallUnit.state")?.said ?? ""),
  }),
};
