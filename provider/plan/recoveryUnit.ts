import { dhcpBackends } from "../formats/dhcpBackend";

const state = "/var/lib/pulumi-netboot";

/** What a host may have for all its units, and would have Perl read our bytes as characters, or load what is not there. */
export const perlsVariables = "PERL_UNICODE PERL5OPT PERL5LIB PERLLIB PERL5DB PERLIO";

/** Whatever of node 0 serves, or decides who is served. */
const serving = [
  "network-pre.target",
  "nftables.service",
  "netfilter-persistent.service",
  "ufw.service",
  "firewalld.service",
  ...dhcpBackends.map(({ unit }) => unit),
  "tftpd-hpa.service",
  "chrony.service",
  "netboot-names.service",
  "shutdown.target",
];

/** The unit pulumi-netboot-recovery.service, which is in place before anything else is changed. */
export const recoveryUnit: string = `# Written by pulumi-netboot. Before anything of node 0 serves, it puts back what a transaction cut short by a power cut
# had changed, so that node 0 serves one whole state.
[Unit]
Description=Undo an unfinished pulumi-netboot transaction
DefaultDependencies=no
RequiresMountsFor=${state} /etc /srv
After=local-fs.target
Before=${serving.join(" ")}
Conflicts=shutdown.target
ConditionPathExists=${state}/journal

[Service]
Type=oneshot
UnsetEnvironment=${perlsVariables}
ExecStart=/usr/bin/perl ${state}/agent.pl recover boot

[Install]
WantedBy=multi-user.target
`;
