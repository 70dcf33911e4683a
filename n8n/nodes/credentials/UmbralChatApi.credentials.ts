import type { IAuthenticateGeneric, Icon, ICredentialTestRequest, ICredentialType, INodeProperties } from 'n8n-workflow';

/** Address and service key of an Umbral Chat. */
export class UmbralChatApi implements ICredentialType {
	name = 'umbralChatApi';

	displayName = 'Umbral Chat API';

	icon: Icon = { light: 'file:../icons/umbral-chat.svg', dark: 'file:../icons/umbral-chat.dark.svg' };

	documentationUrl = 'https://docs.n8n.io/integrations/community-nodes/usage/';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			required: true,
			default: 'http://127.0.0.1:8750',
			description: 'Address of the service, without a slash at the end. In a container, 127.0.0.1 is the container itself.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			description: 'A service key, as it is in core.keys of the service, without the word Bearer',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{$credentials.apiKey}}' } },
	};

	// A conversation that was never made reads as empty: this asks for the right to read, which every node needs.
	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.baseUrl.replace(/\\/+$/, "")}}',
			url: '/v1/conversations/n8n-credential-test/events',
			qs: { after: '0', limit: 1 },
		},
	};
}
