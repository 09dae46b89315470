// What an operator may want of every node 0, whoever wrote the program: `pulumi preview --policy-pack …/examples/policy`.
import { PolicyPack, type ResourceValidationPolicy } from "@pulumi/policy";

const kind = (type: string): string => type.replace(/^pulumi-nodejs:dynamic\/netboot:/, "netboot:");

export const policies: ResourceValidationPolicy[] = [
  {
    name: "pinned-artifacts",
    description: "A boot file out of a package names the package's version.",
    enforcementLevel: "mandatory",
    validateResource: ({ type, props }, report) => {
      const { name, package: source, version } = props;
      if (kind(type) === "netboot:BootFile" && source !== undefined && version === undefined) {
        report(
          `${name} comes out of whatever version of ${source} there is; write { package: "${source}", version: "…" }`,
        );
      }
    },
  },
  {
    name: "no-unknown-machines",
    description: "A machine that no program declares gets no answer.",
    enforcementLevel: "mandatory",
    validateResource: ({ type, props }, report) => {
      if (kind(type) === "netboot:DhcpServer" && props["unknownMachines"] === "serve") {
        report('unknownMachines is "serve"; declare the machines, and leave it out');
      }
    },
  },
  {
    name: "verified-machines",
    description: "Every machine is proved before a change stands.",
    enforcementLevel: "mandatory",
    validateResource: ({ type, name, props }, report) => {
      if (/^netboot:Ola(Node|Fleet)$/.test(kind(type)) && props["verify"] === false) {
        report(`verify is false, so a change stands without ${name} having been asked for; leave it out`);
      }
    },
  },
];

new PolicyPack("pulumi-netboot", { policies });
