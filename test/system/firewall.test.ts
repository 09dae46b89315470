import { describeFirewall } from "../support/firewalls";

// The others are in test/matrix.
describeFirewall("nftables");
