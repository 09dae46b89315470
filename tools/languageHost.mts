/**
 * Pulumi's Node.js language host, as small as it can be. Where the released one can't be had (it comes only with
 * Pulumi's own download), this stands in for it: it runs programs in JavaScript and TypeScript with everything that
 * the SDK itself does (dynamic resources, hooks, transforms). Users have the released one.
 *
 *     pulumi-language-nodejs [flags] ENGINE_ADDRESS        the engine reads the port from the first line of stdout
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import language from "@pulumi/pulumi/proto/language_grpc_pb.js";
import type { ProgramInfo, RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import messages from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";

const engineAddress = process.argv.at(-1) ?? "";

/** The exit code by which the SDK says that the user has been told already. */
const alreadyReported = 32;

/** What Pulumi.yaml says under `runtime: { name: nodejs, options: … }`. */
function runtimeOptions(info: ProgramInfo | undefined): { typescript: boolean; nodeargs: readonly string[] } {
  const options = (info?.getOptions()?.toJavaScript() ?? {}) as { typescript?: boolean; nodeargs?: string };
  return { typescript: options.typescript ?? true, nodeargs: options.nodeargs?.split(/\s+/).filter(Boolean) ?? [] };
}

function programCommand(request: RunRequest): readonly string[] {
  const info = request.getInfo();
  const folder = info?.getProgramDirectory() || request.getPwd();
  const sdk = createRequire(join(folder, "index.js"));
  const flags: Record<string, string> = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info?.getRootDirectory() ?? "",
    stack: request.getStack(),
    pwd: request.getPwd(),
    parallel: request.getParallel() > 0 ? String(request.getParallel()) : "",
    "dry-run": request.getDryrun() ? "true" : "",
  };
  return [
    ...runtimeOptions(info).nodeargs,
    sdk.resolve("@pulumi/pulumi/cmd/run"),
    ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}=${value}`])),
    info?.getEntryPoint() || request.getProgram() || ".",
    ...request.getArgsList(),
  ];
}

function run(call: grpc.ServerUnaryCall<RunRequest, unknown>, callback: grpc.sendUnaryData<unknown>): void {
  const { request } = call;
  let command: readonly string[];
  try {
    command = programCommand(request);
  } catch (error) {
    callback({ code: grpc.status.FAILED_PRECONDITION, details: `${(error as Error).message} (is it installed?)` });
    return;
  }
  const config = Object.fromEntries(request.getConfigMap().getEntryList());
  const program = spawn(process.execPath, command, {
    cwd: request.getPwd(),
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      PULUMI_NODEJS_TYPESCRIPT: String(runtimeOptions(request.getInfo()).typescript),
    },
  });
  call.on("cancelled", () => program.kill());
  process.once("exit", () => program.kill());
  program.on("error", (error) => callback({ code: grpc.status.INTERNAL, details: error.message }));
  program.on("exit", (code, signal) => {
    const response = new messages.RunResponse();
    if (code === alreadyReported) response.setBail(true);
    else if (code !== 0) response.setError(`the program ended with ${code === null ? signal : `exit code ${code}`}`);
    callback(null, response);
  });
}

/** Runs a policy pack, in its own folder as the released host does; what it says goes to the engine. */
function runPlugin(call: grpc.ServerWritableStream<InstanceType<typeof messages.RunPluginRequest>, unknown>): void {
  const { request } = call;
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const runner = createRequire(join(folder, "index.js")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  const pack = spawn(process.execPath, [runner, ...request.getArgsList(), folder], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...Object.fromEntries(request.getEnvList().map((each) => each.split(/=(.*)/s, 2))) },
  });
  const tell = (say: (response: InstanceType<typeof messages.RunPluginResponse>) => void): void => {
    const response = new messages.RunPluginResponse();
    say(response);
    call.write(response);
  };
  pack.stdout.on("data", (bytes: Uint8Array) => tell((response) => response.setStdout(bytes)));
  pack.stderr.on("data", (bytes: Uint8Array) => tell((response) => response.setStderr(bytes)));
  call.on("cancelled", () => pack.kill());
  process.once("exit", () => pack.kill());
  pack.on("error", (error) => call.destroy(error));
  pack.on("close", (code) => {
    tell((response) => response.setExitcode(code ?? 1));
    call.end();
  });
}

function versionOf(folder: string, dependency: string): string {
  const manifest = join(folder, "node_modules", dependency, "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : "";
}

function programDependencies(folder: string) {
  const manifest = join(folder, "package.json");
  const { dependencies = {}, devDependencies = {} } = existsSync(manifest)
    ? JSON.parse(readFileSync(manifest, "utf8"))
    : {};
  return Object.entries<string>({ ...devDependencies, ...dependencies }).map(([name, range]) => {
    const dependency = new messages.DependencyInfo();
    dependency.setName(name);
    dependency.setVersion(versionOf(folder, name) || range);
    return dependency;
  });
}

const service: Partial<Record<keyof typeof language.LanguageRuntimeService, grpc.UntypedHandleCall>> = {
  handshake: (_call: unknown, callback: grpc.sendUnaryData<unknown>) =>
    callback(null, new messages.LanguageHandshakeResponse()),

  getPluginInfo: (_call: unknown, callback: grpc.sendUnaryData<unknown>) => {
    const info = new plugin.PluginInfo();
    const sdk = createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json");
    info.setVersion(JSON.parse(readFileSync(sdk, "utf8")).version);
    callback(null, info);
  },

  // Nothing is to be fetched before a program runs: dynamic resources need no plugin.
  getRequiredPackages: (_call: unknown, callback: grpc.sendUnaryData<unknown>) =>
    callback(null, new messages.GetRequiredPackagesResponse()),
  getRequiredPlugins: (_call: unknown, callback: grpc.sendUnaryData<unknown>) =>
    callback(null, new messages.GetRequiredPluginsResponse()),

  run,
  runPlugin,

  about: (_call: unknown, callback: grpc.sendUnaryData<unknown>) => {
    const response = new messages.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    callback(null, response);
  },

  getProgramDependencies: (
    call: grpc.ServerUnaryCall<InstanceType<typeof messages.GetProgramDependenciesRequest>, unknown>,
    callback: grpc.sendUnaryData<unknown>,
  ) => {
    const response = new messages.GetProgramDependenciesResponse();
    response.setDependenciesList(
      programDependencies(call.request.getInfo()?.getProgramDirectory() || call.request.getPwd()),
    );
    callback(null, response);
  },

  installDependencies: (
    call: grpc.ServerWritableStream<InstanceType<typeof messages.InstallDependenciesRequest>, unknown>,
  ) => {
    const folder = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
    const npm = spawn("npm", ["install", "--loglevel=error"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    const pass = (set: "setStdout" | "setStderr") => (bytes: Uint8Array) => {
      const response = new messages.InstallDependenciesResponse();
      response[set](bytes);
      call.write(response);
    };
    npm.stdout.on("data", pass("setStdout"));
    npm.stderr.on("data", pass("setStderr"));
    npm.on("error", (error) => call.destroy(error));
    npm.on("close", (code) => {
      if (code === 0) call.end();
      else call.destroy(new Error(`npm install in ${folder} ended with exit code ${code}`));
    });
  },

  cancel: (_call: unknown, callback: grpc.sendUnaryData<unknown>) => callback(null, new empty.Empty()),
};

// The engine ends its plugins; killed itself, it can't. A plugin without an engine has a new parent.
const engine = process.ppid;
setInterval(() => {
  if (process.ppid !== engine) process.exit(1);
}, 1000).unref();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const server = new grpc.Server(unlimited);
server.addService(language.LanguageRuntimeService, service as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
