/**
 * Stands in for the plugin of `@ovhcloud/pulumi-ovh`, as the engine speaks to it. It knows the servers that `ovh.json`
 * describes in the program's folder, and reboots none of them: what it is asked for goes to `reboots.jsonl` there.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { main, type Provider } from "@pulumi/pulumi/provider/index.js";

interface RebootInputs {
  readonly serviceName: string;
  readonly keepers: readonly string[];
}

/** A server by its name; refused as OVHcloud's API refuses one that it does not know. */
function find(serviceName: string): { readonly state: string } {
  const server = JSON.parse(readFileSync("ovh.json", "utf8"))[serviceName];
  if (server === undefined)
    throw refusal(404, `Client::NotFound: "The requested object (${serviceName}) does not exist"`);
  return server;
}

function refusal(status: number, why: string): Error {
  return new Error(`OVHcloud API error (status code ${status}): ${why}`);
}

const provider: Provider = {
  version: "2.19.1",

  async invoke(token, { serviceName }: { serviceName: string }) {
    if (token !== "ovh:index/getServer:getServer") throw new Error(`${token} is not stood in for`);
    return { outputs: find(serviceName) };
  },

  async check(urn, _olds, inputs: RebootInputs) {
    if (!urn.includes("::ovh:Dedicated/serverRebootTask:ServerRebootTask::"))
      throw new Error(`${urn} is not stood in for`);
    return { inputs };
  },

  async diff(_id, _urn, olds: RebootInputs, news: RebootInputs) {
    const replaces = (["serviceName", "keepers"] as const).filter(
      (key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]),
    );
    return { changes: replaces.length > 0, replaces };
  },

  async create(_urn, { serviceName, keepers }: RebootInputs) {
    const { state } = find(serviceName);
    if (state !== "ok") throw refusal(403, `Client::Forbidden: "This service is ${state}"`);
    const now = new Date();
    appendFileSync("reboots.jsonl", `${JSON.stringify({ serviceName, keepers, at: now.getTime() })}\n`);
    const task = { function: "hardReboot", comment: "Reboot asked", status: "done", doneDate: now.toISOString() };
    return { id: String(now.getTime()), outs: { serviceName, keepers, ...task } };
  },

  // The real one, too, only forgets a task: there is nothing to take back.
  async delete() {},
};

await main(provider, process.argv.slice(2));
