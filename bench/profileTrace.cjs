/**
 * Loaded into each Node process of a run (NODE_OPTIONS): writes down when it comes to what the profile asks about, in
 * milliseconds of the machine's monotonic clock, to the file that NETBOOT_PROFILE_TRACE names. Where
 * NETBOOT_PROFILE_SAMPLES names one, too, the program's process is sampled, and what V8 makes of that goes there.
 */
const { openSync, writeFileSync, writeSync } = require("node:fs");
const Module = require("node:module");
const { dirname, join } = require("node:path");
const process = require("node:process");

const trace = openSync(process.env.NETBOOT_PROFILE_TRACE, "a");

function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

function stamp(what, at = now()) {
  writeSync(trace, `${JSON.stringify({ at, what })}\n`);
}

/** Which of a run's processes this is; `node -e` is by what Pulumi's script finds the provider's program. */
function whichProcess([, script]) {
  if (script === undefined) return "resolver";
  if (script.includes("cmd/dynamic-provider")) return "provider";
  return script.includes("cmd/run") ? "program" : "host";
}

const here = whichProcess(process.argv);
stamp(`${here} starts`, now() - performance.now());
process.once("exit", () => stamp(`${here} ends`));
if (here === "program" && process.env.NETBOOT_PROFILE_SAMPLES) sample(process.env.NETBOOT_PROFILE_SAMPLES);

function sample(file) {
  const { Session } = require("node:inspector");
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: 500 });
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (_error, { profile }) => writeFileSync(file, JSON.stringify(profile)));
  });
}

/** Calls a function between two stamps, the second when what it promises has come. */
function timed(what, act) {
  stamp(`${what} begins`);
  const end = () => stamp(`${what} ends`);
  let done;
  try {
    done = act();
  } catch (reason) {
    end();
    throw reason;
  }
  if (typeof done?.then === "function") done.then(end, end);
  else end();
  return done;
}

/** Exchanges a method for one that is timed. */
function time(object, name) {
  const act = object[name];
  if (typeof act !== "function") throw new Error(`the profile asks about ${name}, and there is no such function`);
  object[name] = function (...given) {
    return timed(name, () => act.apply(this, given));
  };
}

/** What is exchanged in a module once it is loaded. */
const exchanges = {
  "@grpc/grpc-js": ({ Server: { prototype } }) => {
    if (here !== "provider") return;
    const { addService } = prototype;
    prototype.addService = function (service, methods) {
      stamp("provider ready");
      for (const name of ["check", "diff", "create", "update"]) {
        const answer = methods[name];
        methods[name] = (call, callback) => {
          const what = name === "check" || name === "diff" ? `rpc ${name}` : "rpc change";
          stamp(`${what} begins`);
          return answer.call(methods, call, (...given) => {
            stamp(`${what} ends`);
            callback(...given);
          });
        };
      }
      return addService.call(this, service, methods);
    };
  },
  "pulumi-netboot/provider": (provider) => {
    time(provider, "check");
    time(provider, "diff");
  },
  ssh2: ({ Client: { prototype } }) => {
    const { connect, exec } = prototype;
    prototype.connect = function (...given) {
      this.once("handshake", () => stamp("keys exchanged"));
      this.once("ready", () => stamp("authenticated"));
      return connect.apply(this, given);
    };
    prototype.exec = function (command, started) {
      stamp("executes");
      return exec.call(this, command, started);
    };
  },
};

/** The same of ours, by their place in dist/provider. */
const exchangesOfOurs = {
  "ssh/dial": (module) => time(module, "dial"),
  "conversation/transaction": (module) => time(module, "apply"),
  "plan/decide": (module) => time(module, "decide"),
};

/** A module's loading that is timed itself: what it is called. */
function loadingOf(request, from) {
  if (request === "pulumi-netboot" || request.endsWith("/pulumi-netboot/dist/sdk/index.js")) return "package";
  if (request.endsWith("/dist/provider/lifecycle/changes.js")) return "acting";
  if (request === "./run" && from.endsWith("/cmd/run/index.js")) return "runner";
  return undefined;
}

function isOurs(path) {
  return path.includes("/node_modules/pulumi-netboot/dist/");
}

function exchangeOf(request, from) {
  if (!isOurs(from) || !request.startsWith(".")) return exchanges[request];
  const [, place] = join(dirname(from), request).split("/dist/provider/");
  return exchangesOfOurs[place];
}

const load = Module._load;
const exchanged = new WeakSet();

Module._load = function (request, parent, ...rest) {
  const from = parent?.filename ?? "";
  const loading = loadingOf(request, from);
  const act = () => load.call(this, request, parent, ...rest);
  const loaded = loading === undefined ? act() : timed(loading, act);
  const exchange = exchangeOf(request, from);
  if (exchange !== undefined && !exchanged.has(loaded)) {
    exchanged.add(loaded);
    exchange(loaded);
  }
  return loaded;
};
