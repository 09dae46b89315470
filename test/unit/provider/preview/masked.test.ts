import { describe, expect, it } from "vitest";
import { masked } from "../../../../provider/preview/masked";

describe("masked", () => {
  it.each([
    [
      'key omapi_key { algorithm hmac-md5; secret "abc+/=="; };',
      "key omapi_key { algorithm hmac-md5; secret [secret]; };",
    ],
    ["-  secret abc+/==;", "-  secret [secret];"],
    ["+\tSECRET\n+\t  abc;\n+}", "+\tSECRET\n+\t  [secret];\n+}"],
    ['ldap-password "s e c";', "ldap-password [secret];"],
    ["set net0/password s3cret", "set net0/password [secret]"],
    ["Environment=PASSWORD=s3cret", "Environment=PASSWORD=[secret]"],
    ["chain http://me:s3cret@192.168.1.1/x", "chain http://me:[secret]@192.168.1.1/x"],
  ])("shows no secret of %j", (text, shown) => {
    expect(masked(text)).toBe(shown);
  });

  it.each([
    "range 192.168.1.2 192.168.1.5;",
    "chain tftp://192.168.1.1/a",
    'option domain-name "a";',
    "# secrets",
    "a@b:c",
  ])("leaves %j as it is", (text) => {
    expect(masked(text)).toBe(text);
  });
});
