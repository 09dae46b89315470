/** What the user is told of on a resource's row, and what holds nothing up. */
export interface Warning {
  readonly id: string;
  readonly text: string;
}
