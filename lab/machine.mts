import type { LabRecord } from "./state.mts";
export interface MachineOptions {
  name: string;
}
export interface LabMachine {
  off(): Promise<void>;
}
export type BootOptions = object;
export type BootReport = object;
export async function makeMachine(_r: LabRecord, _o: MachineOptions): Promise<LabMachine> {
  throw new Error("later");
}
