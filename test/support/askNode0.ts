import type { Lab } from "../../lab/index.mts";
import { type NotAdmitted, whyNotAdmitted } from "../../provider/admitted/whyNotAdmitted";
import { whyNotRouted } from "../../provider/admitted/whyNotRouted";
import { converse } from "../../provider/conversation/conversation";
import { iptables } from "../../provider/facts/iptables";
import { links } from "../../provider/facts/links";
import { nftables } from "../../provider/facts/nftables";
import type { HostAnswers, Question } from "../../provider/facts/question";
import { routing, routingQuestions } from "../../provider/facts/routing";
import { trafficControl } from "../../provider/facts/trafficControl";
import { rulesetQuestions } from "../../provider/plan/questions";
import { closeHosts, openHost } from "../../provider/ssh/pool";

/** What a lab's node 0 answers to these questions, asked by the hands themselves. */
export async function askNode0(lab: Lab, questions: Readonly<Record<string, Question>>): Promise<HostAnswers> {
  const { host, hostKey, privateKeyPath } = lab.node0;
  const opening = { locks: false, puts: [], drops: [], questions };
  const reached = await openHost({ host, hostKey, privateKeyPath });
  const { facts } = await converse(reached, opening, () => ({ reply: "stop" }));
  await closeHosts();
  return facts.answers;
}

/** What the proof says of a lab's rules: `admitted`, or `kept out: …`, or `in doubt: …`. */
export async function saidOfRules(lab: Lab, nic: string, address: string, cidr: string): Promise<string> {
  const answers = await askNode0(lab, rulesetQuestions);
  const rulesets = {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    trafficControl: trafficControl.read(answers),
    links: links.read(answers),
  };
  const dataPorts = { first: 32_768, last: 60_999 };
  return inWords(whyNotAdmitted(rulesets, { interface: nic, address, cidr, dataPorts, givesHelpers: false }));
}

/** The same of its routes, its rules of ip-rule(8) and IPsec. */
export async function saidOfWay(lab: Lab, nic: string, address: string, cidr: string): Promise<string> {
  const found = routing.read(await askNode0(lab, routingQuestions(cidr)));
  if (found === undefined) throw new Error("node 0's routes could not be read");
  return inWords(whyNotRouted(found, { interface: nic, address, cidr })());
}

function inWords(why: NotAdmitted | undefined): string {
  return why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
}
