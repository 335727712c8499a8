// An access token for the development partner: what a partner's own server does, for a page keeps no secret.

export async function accessToken(edge: string): Promise<string> {
  const form = { grant_type: "client_credentials", client_id: "acme", client_secret: "acme-secret" };
  const answer = await fetch(`${edge}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
  const { access_token } = (await answer.json()) as { access_token: string };
  return access_token;
}
