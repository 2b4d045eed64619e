/** Put in by the build. */
declare const CERT_RENEW_VERSION: string | undefined;

export const version = typeof CERT_RENEW_VERSION === 'string' ? CERT_RENEW_VERSION : 'development';
