/**
 * The engine's floor: classes with the names of ours that register the resources of a stack as its state records them
 * (resources.json, beside this file), and work nothing out. The benchmark puts this in the place of the package.
 */
const pulumi = require("@pulumi/pulumi");
const recorded = require("./resources.json");

function inProvider(kind) {
  return {
    check: async (olds, news) => require("pulumi-netboot/provider").check(kind, olds, news),
    diff: async (id, olds, news) => require("pulumi-netboot/provider").diff(kind, id, olds, news),
    create: async (news) => require("pulumi-netboot/provider").create(kind, news),
    read: async (id, props) => require("pulumi-netboot/provider").read(kind, id, props),
    update: async (id, olds, news) => require("pulumi-netboot/provider").update(kind, id, olds, news),
    delete: async (id, props) => require("pulumi-netboot/provider").remove(kind, id, props),
  };
}

/** One object a kind, for Pulumi serialises each object once. */
const providers = new Map();
const resources = new Map();

function register({ urn, kind, name, component, parent, dependencies, inputs, outputKeys }) {
  const opts = {
    parent: resources.get(parent),
    dependsOn: dependencies.map((dependency) => resources.get(dependency)),
  };
  if (component !== undefined) {
    const made = new pulumi.ComponentResource(component, name, {}, opts);
    made.registerOutputs({});
    resources.set(urn, made);
    return made;
  }
  if (!providers.has(kind)) providers.set(kind, inProvider(kind));
  const props = { ...Object.fromEntries(outputKeys.map((key) => [key, undefined])), ...inputs };
  const made = new pulumi.dynamic.Resource(providers.get(kind), name, props, opts, "netboot", kind);
  resources.set(urn, made);
  return made;
}

/** Node 0 and its parts are everything that is no machine. */
class NetbootServer {
  constructor() {
    for (const resource of recorded.filter(({ kind }) => kind !== "OlaNode")) register(resource);
  }
}

const machines = new Map(
  recorded.filter(({ kind }) => kind === "OlaNode").map((resource) => [resource.name, resource]),
);

class OlaNode {
  constructor(name) {
    const { nextBoot, verified } = register(machines.get(name));
    this.nextBoot = nextBoot;
    this.verified = verified;
  }
}

module.exports = { NetbootServer, OlaNode };
