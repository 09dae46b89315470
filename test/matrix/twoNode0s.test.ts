import { describeTwoNode0s } from "../support/describeTwoNode0s";

describeTwoNode0s("whole");
