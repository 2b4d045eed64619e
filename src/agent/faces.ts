// The hidden faces of the executable: `cert-renew agent <face>`, each the only command of one kind of container.

export const faces = {
  scan: 'reads the certificates of this node; no token, read-only mounts',
  request:
    'makes new keys, asks for certificates by CertificateSigningRequest, stages both; the only one with a token',
  apply: 'swaps staged files, restarts, proves, rolls back; no token',
  'restart-kubelet': 'waits for a request in the host directory and runs systemctl restart kubelet; hostPID',
  harvest: 'encrypts the key of one CA to the leader; control planes only, no token',
  'ca-certificates': 'says the certificate of one CA; control planes only, no token',
  stage: 'copies this executable to the host directory; no token',
} as const;
export type Face = keyof typeof faces;
