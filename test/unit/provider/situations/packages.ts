import { type BringPlan, refuseBring } from "../../../../provider/plan/packages";
import { refuseGivenBack } from "../../../../provider/plan/timeDaemon";
import { packageCase } from "../../../support/packageCases";
import type { Situation } from "./situation";

const bring: BringPlan = {
  freshSeconds: 0,
  ...{
    install: ["tftpd-hpa"],
    rows: [],
    standIns: [],
    masks: [],
    configured: [],
    keep: [],
    fetch: [],
    listen: [],
    tell: [],
  },
  take: [
    { id: "BootFile/p/one/ipxe.efi", path: "/srv/tftp/ipxe.efi", package: "ipxe", members: ["/usr/lib/ipxe/ipxe.efi"] },
  ],
};
const fresh = packageCase("bookworm-fresh").packages;
const installed = packageCase("bookworm-installed").packages;
const taken = { path: "/srv/tftp/ipxe.efi", from: "/x", sha256: "5", bytes: 1 };
export const apt = (said: string) => ({ apt: { status: 100, said }, brought: [], taken: [taken] });

export const packages: readonly Situation[] = [
  { what: "no mirror", said: refuseBring(bring, apt("E: Unable to locate package tftpd-hpa\n"), fresh) },
  {
    what: "Kea on a Debian without it",
    said: refuseBring(
      { ...bring, install: ["kea-dhcp4-server"] },
      apt("E: Unable to locate package kea-dhcp4-server\n"),
      fresh,
    ),
  },
  {
    what: "a package that would have to go",
    said: refuseBring(
      bring,
      apt(
        "The following packages will be REMOVED:\n  atftpd\nE: Packages need to be removed but remove is disabled.\n",
      ),
      fresh,
    ),
  },
  {
    what: "a package of somebody else's that can't be configured",
    said: refuseBring(
      bring,
      apt(
        "dpkg: error processing package broken (--configure):\n installed broken package post-installation script subprocess returned error exit status 1\nErrors were encountered while processing:\n broken\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n",
      ),
      fresh,
    ),
  },
  {
    what: "a package that can't be fetched",
    said: refuseBring(
      bring,
      {
        brought: [],
        taken: [],
        unfetched: { package: "ipxe", status: 100, said: "E: Failed to fetch http://x/ipxe.deb\n" },
      },
      installed,
    ),
  },
  { what: "a package that has not the file", said: refuseBring(bring, { brought: [], taken: [] }, installed) },
  {
    what: "the time daemon of before does not come back",
    said: refuseGivenBack([
      {
        ...{ package: "chrony", lost: ["systemd-timesyncd"], status: 100, stays: true },
        said: "E: Unable to locate package systemd-timesyncd\n",
      },
    ]),
  },
];
