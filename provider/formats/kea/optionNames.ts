// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/** dhcpd's names for options (dhcp-options(5)) that Kea calls otherwise. */
const renamed: Readonly<Record<string, string>> = {
  "ien116-name-servers": "name-servers",
  "nds-servers": "nds-server",
  "nisplus-domain": "nisplus-domain-name",
  "nwip-domain": "nwip-domain-name",
};

const original: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(renamed).map(([isc, kea]) => [kea, isc]),
);

/** Options that are a text to Kea. */
const texts: ReadonlySet<string> = wordsOf(`
  extensions-path host-name merit-dump nds-context nds-tree-name netbios-scope netinfo-server-tag nis-domain
  nisplus-domain-name nwip-domain-name pcode root-path tcode tftp-server-name uap-servers vendor-class-identifier
`);

/** All others that both know, as they mean the same to both. */
const others: ReadonlySet<string> = wordsOf(`
  all-subnets-local arp-cache-timeout auto-config bcms-controller-address bcms-controller-names boot-size
  broadcast-address capwap-ac-v4 cookie-servers default-ip-ttl default-tcp-ttl domain-name domain-name-servers
  domain-search finger-server font-servers ieee802-3-encapsulation impress-servers interface-mtu ip-forwarding
  irc-server log-servers lpr-servers mask-supplier max-dgram-reassembly mobile-ip-home-agent name-servers nds-server
  netbios-dd-server netbios-name-servers netbios-node-type netinfo-server-address nis-servers nisplus-servers
  nntp-server non-local-source-routing ntp-servers pana-agent path-mtu-aging-timeout path-mtu-plateau-table
  perform-mask-discovery policy-filter pop-server resource-location-servers router-discovery
  router-solicitation-address routers sip-ua-cs-domains slp-directory-agent smtp-server static-routes
  streettalk-directory-assistance-server streettalk-server subnet-mask swap-server tcp-keepalive-garbage
  tcp-keepalive-interval time-offset time-servers trailer-encapsulation v4-access-domain v4-lost www-server
  x-display-manager
`);

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** Kea's name for an option by dhcpd's; undefined where it knows none that means the same. */
export function keaNameOf(name: string): string | undefined {
  const known = renamed[name] ?? name;
  return texts.has(known) || others.has(known) ? known : undefined;
}

/** dhcpd's name for an option by Kea's. */
export function dhcpdNameOf(name: string): string {
  return original[name] ?? name;
}

/** Whether an option, by Kea's name, is a text. */
export function isText(name: string): boolean {
  return texts.has(name);
}
