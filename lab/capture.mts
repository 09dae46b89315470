export interface BootEvent {
  a: 1;
}
