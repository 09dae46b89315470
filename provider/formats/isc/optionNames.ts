import { nearest, quoted } from "../../values/problem";

/** The options that dhcpd knows by itself: what its 4.4.3-P1, the last, takes (dhcp-options(5)). An earlier one knows fewer. */
const known: ReadonlySet<string> = new Set(
  `
  all-subnets-local arp-cache-timeout associated-ip auto-config bcms-controller-address bcms-controller-names
  boot-size bootfile-name broadcast-address capwap-ac-v4 client-last-transaction-time cookie-servers
  default-ip-ttl default-tcp-ttl default-url dhcp-client-identifier dhcp-lease-time dhcp-max-message-size
  dhcp-message dhcp-message-type dhcp-option-overload dhcp-parameter-request-list dhcp-rebinding-time
  dhcp-renewal-time dhcp-requested-address dhcp-server-identifier domain-name domain-name-servers domain-search
  extensions-path finger-server font-servers fqdn geoconf-civic host-name ieee802-3-encapsulation
  ien116-name-servers impress-servers interface-mtu ip-forwarding ipv4-address-andsf irc-server
  loader-configfile loader-pathprefix loader-reboottime log-servers lpr-servers mask-supplier
  max-dgram-reassembly merit-dump mobile-ip-home-agent name-service-search nds-context nds-servers
  nds-tree-name netbios-dd-server netbios-name-servers netbios-node-type netbios-scope netinfo-server-address
  netinfo-server-tag nis-domain nis-servers nisplus-domain nisplus-servers nntp-server non-local-source-routing
  ntp-servers nwip-domain nwip-suboptions option-6rd pana-agent path-mtu-aging-timeout path-mtu-plateau-table
  pcode perform-mask-discovery policy-filter pop-server pxe-client-id pxe-interface-id pxe-system-type
  rdnss-selection relay-agent-information resource-location-servers root-path router-discovery
  router-solicitation-address routers sip-ua-cs-domains slp-directory-agent slp-service-scope smtp-server
  static-routes streettalk-directory-assistance-server streettalk-server subnet-mask subnet-selection
  swap-server tcode tcp-keepalive-garbage tcp-keepalive-interval tftp-server-address tftp-server-name
  time-offset time-servers trailer-encapsulation uap-servers user-class v4-access-domain v4-captive-portal
  v4-lost v4-portparams v6-only-preferred vendor-class-identifier vendor-encapsulated-options vivco vivso
  www-server x-display-manager
`
    .trim()
    .split(/\s+/),
);

/** Why dhcpd would not know an option of a machine; `declared` are those that somebody's own statements declare. */
export function whyUnknownOption(name: string, declared: readonly string[]): string | undefined {
  // One of an option space, and one by its number.
  if (name.includes(".") || /^unknown-\d+$/.test(name)) return undefined;
  if (known.has(name) || declared.includes(name)) return undefined;
  const near = nearest(name, [...declared, ...known]);
  const how = `declare it in the DHCP server's extraConfig, as in "option ${name} code 225 = text;"`;
  return `dhcpd knows no option ${quoted(name)}; ${near === undefined ? how : `did you mean ${near}? If not, ${how}`}`;
}
