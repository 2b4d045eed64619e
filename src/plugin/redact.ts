// Takes out of a text what may be a secret. A bundle asks for nothing that holds one; this is for what others wrote into a
// log or an annotation. In doubt it takes out too much. Pure.

const gone = (what: string): string => `[${what} left out]`;

const rules: readonly (readonly [RegExp, string])[] = [
  // PEM, also where a log has made its line ends two characters, and where the end is cut off
  [
    /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
    gone('private key'),
  ],
  [/-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[\s\S]*?(?:-----END [A-Z ]*-----|$)/g, gone('request')],
  // PEM in base64, as in kubeconfigs and Secrets: it begins with -----BEGIN
  [/LS0tLS1CRUdJTi[\w+/=-]*/g, gone('PEM in base64')],
  // JSON Web Tokens, such as those of ServiceAccounts
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, gone('token')],
  [/\b(Bearer|Basic)\s+[\w\-.~+/]{8,}=*/gi, `$1 ${gone('token')}`],
  // kubeadm's bootstrap tokens
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, gone('token')],
  [
    /((?:password|passwd|passphrase|secret|token|api[-_]?key|client-key-data)["']?\s*[:=]\s*["']?)(?!\[)[^\s"',;}]{6,}/gi,
    `$1${gone('value')}`,
  ],
  [/(:\/\/[^\s/:@]+):[^\s/@]+@/g, `$1:${gone('password')}@`],
  // Long runs of base64: nothing of the product's own logs is that long (a SHA-256 in hex has 64)
  [/[A-Za-z0-9+/_-]{100,}={0,2}/g, gone('long value')],
];

export function redact(text: string): string {
  return rules.reduce((left, [pattern, word]) => left.replace(pattern, word), text);
}
