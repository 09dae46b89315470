/**
 * The engine's floor: classes with the names of ours that register the resources of a stack as its state records them
 * (resources.json, beside this file), and work nothing out. The benchmark puts this in the place of the package.
 */
const pulumi = require("@pulumi/pulumi");
const recorded = require("./resources.json");

/** As our own resources have it: a text of calls, which no closure has to be serialised for. */
function providerText(kind) {
  const call = (operation, ...args) =>
    `async (${args.join(", ")}) => require("pulumi-netboot/provider").${operation}(${[JSON.stringify(kind), ...args].join(", ")})`;
  return `exports.handler = () => ({
  check: ${call("check", "olds", "news")},
  diff: ${call("diff", "id", "olds", "news")},
  create: ${call("create", "news")},
  read: ${call("read", "id", "props")},
  update: ${call("update", "id", "olds", "news")},
  delete: ${call("remove", "id", "props")},
});
`;
}

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
  const props = {
    ...Object.fromEntries(outputKeys.map((key) => [key, undefined])),
    ...inputs,
    __provider: providerText(kind),
  };
  const made = new pulumi.CustomResource(`pulumi-nodejs:dynamic/netboot:${kind}`, name, props, opts);
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
