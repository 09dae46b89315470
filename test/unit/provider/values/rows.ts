import fc from "fast-check";
import type { NodeRow } from "../../../../provider/values/node";

/** A hardware address of one machine. */
export const anyMac: fc.Arbitrary<string> = fc
  .tuple(fc.integer({ min: 1, max: 127 }), fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 5, maxLength: 5 }))
  .map(([first, rest]) => [first * 2, ...rest].map((octet) => octet.toString(16).padStart(2, "0")).join(":"));

const anyLabel = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);

/** A host name, with words of dhcpd's language and digits in front among them. */
export const anyHostname: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.oneof(anyLabel, fc.constantFrom("if", "host", "option", "0a", "10", "ff")), { maxLength: 2 }),
    fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/),
  )
  .map(([labels, last]) => [...labels, last].join("."));

/** A line of text that may hold every character but those that end it or mean something to a terminal. */
const anyLine = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: "grapheme", minLength: 1, maxLength }).filter((text) => /^\P{Cc}+$/u.test(text));

/** Options with values of the kind that dhcpd has for them, hostile texts among them. */
const anyOptions = fc
  .record(
    {
      "root-path": fc.oneof(anyLine(40), fc.constant('" if exists arch and x { filename "y"; } }')),
      "time-servers": fc.array(fc.ipV4(), { minLength: 1, maxLength: 3 }),
      "time-offset": fc.nat(),
      "ip-forwarding": fc.boolean(),
      "ipxe.no-pxedhcp": fc.nat(255),
    },
    { requiredKeys: [] },
  )
  .filter((options) => Object.keys(options).length > 0);

/** A machine as `parseNode` makes it. */
export const anyRow: fc.Arbitrary<NodeRow> = fc
  .record({
    hostname: anyHostname,
    macs: fc.uniqueArray(anyMac, { minLength: 1, maxLength: 8 }),
    address: fc.option(fc.ipV4(), { nil: undefined }),
    options: fc.option(anyOptions, { nil: undefined }),
    comment: fc.option(anyLine(60), { nil: undefined }),
    special: fc.constantFrom(
      { firmware: "x64" as const },
      { firmware: "ia32" as const },
      { firmware: "x64" as const, loader: "snponly.efi" as const },
    ),
  })
  .map(({ hostname, macs, address, options, comment, special }) => ({
    name: hostname,
    hostname,
    macs,
    ...(address === undefined ? {} : { address }),
    ...special,
    ...(options === undefined ? {} : { options: { ...options } }),
    ...(comment === undefined ? {} : { comment }),
  }));
