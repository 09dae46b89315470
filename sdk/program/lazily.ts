import type * as pulumi from "./pulumi";

/** Gives a resource an output that is made when it is first asked for: in an up few programs do, and of many machines it costs. */
export function lazily<T>(resource: object, property: string, make: () => pulumi.Output<T>): void {
  let made: pulumi.Output<T> | undefined;
  Object.defineProperty(resource, property, { enumerable: true, get: () => (made ??= make()) });
}
