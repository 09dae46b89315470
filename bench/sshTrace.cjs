/**
 * Loaded into the provider's process (NODE_OPTIONS): writes down every SSH message that ssh2 sends and receives, with
 * the time on the machine's own clock, to the file that NETBOOT_SSH_TRACE names. Without it the messages are encrypted
 * for everybody but the two ends.
 */
const { appendFileSync } = require("node:fs");
const Module = require("node:module");
const process = require("node:process");

const load = Module._load;
let connections = 0;

Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request === "ssh2") trace(loaded.Client.prototype);
  return loaded;
};

const traced = new WeakSet();

function trace(client) {
  if (traced.has(client)) return;
  traced.add(client);
  const { connect } = client;
  client.connect = function (config) {
    const connection = `${process.pid}/${connections++}`;
    const debug = (text) => {
      if (!/^(Inbound|Outbound): /.test(text)) return;
      const line = JSON.stringify({ connection, at: String(process.hrtime.bigint()), text });
      appendFileSync(process.env.NETBOOT_SSH_TRACE, `${line}\n`);
    };
    return connect.call(this, { ...config, debug });
  };
}
