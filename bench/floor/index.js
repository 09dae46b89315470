/**
 * The engine's floor: classes with the names of ours that register the resources of a stack as its state records them
 * (resources.json, beside this file), and work nothing out. The benchmark puts this in the place of the package.
 */
const { ComponentResource, CustomResource } = require("@pulumi/pulumi/resource");
const recorded = require("./resources.json");

const resources = new Map();

function register({ urn, kind, name, component, parent, dependencies, inputs, outputKeys }) {
  const opts = {
    parent: resources.get(parent),
    dependsOn: dependencies.map((dependency) => resources.get(dependency)),
  };
  if (component !== undefined) {
    const made = new ComponentResource(component, name, {}, opts);
    made.registerOutputs({});
    resources.set(urn, made);
    return made;
  }
  const props = {
    ...Object.fromEntries(outputKeys.map((key) => [key, undefined])),
    ...inputs,
  };
  const made = new CustomResource(`pulumi-nodejs:dynamic/netboot:${kind}`, name, props, opts);
  resources.set(urn, made);
  return made;
}

const isOfMachines = ({ kind }) => kind === "OlaNode" || kind === "OlaFleet";

/** Node 0 and its parts are everything that is no machine. */
class NetbootServer {
  constructor() {
    for (const resource of recorded.filter((each) => !isOfMachines(each))) register(resource);
  }
}

const machines = new Map(recorded.filter(isOfMachines).map((resource) => [resource.name, resource]));

class OlaNode {
  constructor(name) {
    const { nextBoot, verified } = register(machines.get(name));
    this.nextBoot = nextBoot;
    this.verified = verified;
  }
}

class OlaFleet {
  constructor(name) {
    register(machines.get(name));
  }
}

module.exports = { NetbootServer, OlaNode, OlaFleet };
