import { stateFolder } from "../os/packages";
import type { Answers, Fact } from "./question";

/** When a record was written last, to tell one state of the register from another: each is moved into its folder. */
export const registerTime: Fact<string> = {
  questions: { "register.time": { ask: "run", argv: ["stat", "-c", "%.9Y", `${stateFolder}/register`] } },
  read(answers: Answers): string {
    return answers.ran("register.time")?.said ?? "";
  },
};
