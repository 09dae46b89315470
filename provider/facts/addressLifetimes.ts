import * as z from "../zod";
import { readJson } from "./links";
import type { Answers, Fact } from "./question";

/** An address that goes by itself, unless somebody renews it. */
export interface Lifetime {
  readonly interface: string;
  readonly address: string;
  readonly seconds: number;
  /** The program that is seen to give it: `dhclient`. */
  readonly giver?: string;
}

const addressList = z.array(
  z.looseObject({
    ifname: z.string().optional(),
    addr_info: z
      .array(z.looseObject({ local: z.string().optional(), valid_life_time: z.number().optional() }))
      .optional(),
  }),
);

/** What the kernel says of an address that stays. */
const forever = 2 ** 32 - 1;

const addressesKey = "links.addresses";
const giversKey = "addressLifetimes.givers";

// A client of DHCP has its interface among its words; the two managers keep a lease of each interface.
const tellGivers = `for file in /proc/[0-9]*/comm; do
  read -r name < "$file" || continue
  case $name in dhclient|dhcpcd|udhcpc) echo "client $name $(tr '\\0' ' ' < "\${file%comm}cmdline")";; esac
done
for folder in /sys/class/net/*; do
  read -r number < "$folder/ifindex" || continue
  if [ -e "/run/systemd/netif/leases/$number" ]; then echo "manager systemd-networkd \${folder##*/}"; fi
  ls /var/lib/NetworkManager/*-"\${folder##*/}".lease >/dev/null && echo "manager NetworkManager \${folder##*/}"
done 2>/dev/null`;

/** The IPv4 addresses of node 0 that were given for a time only. */
export const addressLifetimes: Fact<readonly Lifetime[]> = {
  questions: {
    [addressesKey]: { ask: "run", argv: ["ip", "-j", "-4", "address", "show"] },
    [giversKey]: {
      when: { key: addressesKey, matches: '"dynamic":true' },
      ask: "run",
      argv: ["sh", "-c", tellGivers],
    },
  },

  read(answers: Answers): readonly Lifetime[] {
    const { value = [] } = readJson("ip address show", addressList, answers.ran(addressesKey));
    const said = answers.ran(giversKey)?.said ?? "";
    return value.flatMap(({ ifname = "", addr_info = [] }) =>
      addr_info.flatMap(({ local, valid_life_time: seconds = forever }) =>
        local === undefined || seconds >= forever
          ? []
          : [{ interface: ifname, address: local, seconds, ...giverIn(said, ifname) }],
      ),
    );
  },
};

function giverIn(said: string, nic: string): Pick<Lifetime, "giver"> {
  const line = said
    .split("\n")
    .map((each) => each.split(" "))
    .find(([, , ...words]) => words.includes(nic));
  return line?.[1] === undefined ? {} : { giver: line[1] };
}
