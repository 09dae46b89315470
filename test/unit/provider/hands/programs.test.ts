import { expect, it } from "vitest";
import { inHands } from "./perl";

const ran = (perl: string) =>
  inHands(`my ($status, $said) = ${perl}; tell_client('ran', status => $status, said => $said)`);

it("ends a program that takes too long, with all that it has started, and says so", () => {
  const [answer] = ran("run(['sh', '-c', 'echo begun; (sleep 50; echo late) | cat'], seconds => 1)");
  expect(answer?.values).toEqual({ status: "124", said: "begun\n\nsh did not end in 1 s\n" });
});

it("keeps no more of what a program says than it may", () => {
  const [answer] = ran("run(['sh', '-c', 'head -c 3000000 /dev/zero; exit 3'], most => 10, watch => sub { })");
  expect(answer?.values).toEqual({ status: "3", said: "\0".repeat(10) });
});
