export interface BootStep {
  a: 1;
}
