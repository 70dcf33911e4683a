// The fields that the editor shows.

import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

const action = (name: string, value: string, description: string, verb: string): INodePropertyOptions => ({
	name,
	value,
	description,
	action: verb,
});

const shown = (resource: string, ...operations: string[]) => ({ show: { resource: [resource], ...(operations.length ? { operation: operations } : {}) } });

const operation = (resource: string, standard: string, options: INodePropertyOptions[]): INodeProperties => ({
	displayName: 'Operation',
	name: 'operation',
	type: 'options',
	noDataExpression: true,
	displayOptions: shown(resource),
	options,
	default: standard,
});

const roles: INodePropertyOptions[] = [
	{ name: 'Agent (a Human)', value: 'agent' },
	{ name: 'Assistant', value: 'assistant' },
	{ name: 'System', value: 'system' },
	{ name: 'User (the Visitor)', value: 'user' },
];

const role = (resource: string, ...operations: string[]): INodeProperties => ({
	displayName: 'Sender Role',
	name: 'role',
	type: 'options',
	options: roles,
	default: 'assistant',
	displayOptions: shown(resource, ...operations),
	description: 'Whose message it is. Typing ends with the message of a sender of the same role and ID.',
});

const senderOptions: INodeProperties[] = [
	{ displayName: 'Sender ID', name: 'senderId', type: 'string', default: '' },
	{ displayName: 'Sender Name', name: 'senderName', type: 'string', default: '' },
];

const metadata: INodeProperties = {
	displayName: 'Metadata',
	name: 'metadata',
	type: 'json',
	default: '',
	description: 'A JSON object that is kept with the message',
};

const options = (resource: string, operations: string[], fields: INodeProperties[]): INodeProperties => ({
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	displayOptions: shown(resource, ...operations),
	options: fields,
});

export const properties: INodeProperties[] = [
	{
		displayName: 'Resource',
		name: 'resource',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Conversation', value: 'conversation' },
			{ name: 'Message', value: 'message' },
			{ name: 'Run', value: 'run' },
			{ name: 'Token', value: 'token' },
			{ name: 'Typing', value: 'typing' },
		],
		default: 'message',
	},
	operation('message', 'send', [
		action('Edit', 'edit', 'Replace the whole content of a message', 'Edit a message'),
		action('Get Many', 'getAll', 'Get the history, with edits and redactions applied', 'Get many messages'),
		action('Redact', 'redact', 'Blank a message; its place in the log stays', 'Redact a message'),
		action('Send', 'send', 'Append a message; a repeated try stores it once', 'Send a message'),
	]),
	operation('conversation', 'transcript', [
		action('Close', 'close', 'Mark it as closed', 'Close a conversation'),
		action('Get', 'get', 'Get title, status, responder and metadata', 'Get a conversation'),
		action('Get Presence', 'presence', 'Get who is here, and how many of each role', 'Get who is present'),
		action('Get Transcript', 'transcript', 'Get the whole conversation, ready for a prompt', 'Get a transcript'),
		action('Hand Back', 'handBack', 'The assistant answers again', 'Hand a conversation back to the assistant'),
		action('Hand Over', 'handOver', 'A human answers; workflows that look at the responder stay silent', 'Hand a conversation over to a human'),
		action('Reopen', 'reopen', 'Mark it as open', 'Reopen a conversation'),
	]),
	operation('typing', 'start', [
		action('Start', 'start', 'Show that the sender types, until its message or until the time is over', 'Start typing'),
		action('Stop', 'stop', 'End it now', 'Stop typing'),
	]),
	operation('run', 'start', [
		action('End', 'end', 'Say how it ended', 'End a run'),
		action('Report Progress', 'progress', 'Show what the assistant is doing', 'Report the progress of a run'),
		action('Start', 'start', 'Show that an assistant works on an answer', 'Start a run'),
	]),
	operation('token', 'create', [
		action('Create', 'create', 'Create a token that opens one conversation for a page', 'Create a token for a visitor'),
	]),
	{
		displayName: 'Conversation ID',
		name: 'conversation',
		type: 'string',
		required: true,
		default: '={{ $json.sessionId ?? $json.conversation }}',
		description: 'In a chat workflow the session ID. The first message makes the conversation.',
	},
	{
		displayName: 'Message ID',
		name: 'messageId',
		type: 'string',
		required: true,
		default: '',
		displayOptions: shown('message', 'edit', 'redact'),
	},
	{
		displayName: 'Content',
		name: 'content',
		type: 'string',
		typeOptions: { rows: 3 },
		default: '={{ $json.output ?? $json.chatInput }}',
		displayOptions: shown('message', 'send', 'edit'),
	},
	role('message', 'send'),
	role('typing'),
	role('run', 'start'),
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		displayOptions: shown('message', 'getAll'),
		description: 'Max number of results to return',
	},
	{
		displayName: 'Format',
		name: 'format',
		type: 'options',
		options: [
			{ name: 'JSON', value: 'json' },
			{ name: 'Markdown', value: 'markdown' },
			{ name: 'OpenAI Messages', value: 'openai' },
			{ name: 'Text', value: 'text' },
		],
		default: 'openai',
		displayOptions: shown('conversation', 'transcript'),
	},
	{
		displayName: 'Seconds',
		name: 'seconds',
		type: 'number',
		default: 60,
		displayOptions: shown('typing', 'start'),
		description: 'After which it ends by itself',
	},
	{
		displayName: 'Run ID',
		name: 'runId',
		type: 'string',
		default: '',
		displayOptions: shown('run'),
		description: 'Empty: the one of this execution',
	},
	{
		displayName: 'State',
		name: 'state',
		type: 'options',
		options: [
			{ name: 'Thinking', value: 'thinking' },
			{ name: 'Using a Tool', value: 'tool' },
			{ name: 'Waiting', value: 'waiting' },
			{ name: 'Writing', value: 'writing' },
		],
		default: 'tool',
		displayOptions: shown('run', 'progress'),
	},
	{
		displayName: 'Label',
		name: 'label',
		type: 'string',
		default: '',
		displayOptions: shown('run', 'progress'),
		description: 'One line that the visitor sees, such as "Looking up your order"',
	},
	{
		displayName: 'Seconds Until It Ends by Itself',
		name: 'ttl',
		type: 'number',
		default: 60,
		displayOptions: shown('run', 'progress'),
	},
	{
		displayName: 'Outcome',
		name: 'outcome',
		type: 'options',
		options: [
			{ name: 'Cancelled', value: 'cancelled' },
			{ name: 'Completed', value: 'completed' },
			{ name: 'Failed', value: 'failed' },
		],
		default: 'completed',
		displayOptions: shown('run', 'end'),
	},
	{
		displayName: 'Reason',
		name: 'reason',
		type: 'string',
		default: '',
		displayOptions: shown('run', 'end'),
		description: 'A code or one line; everyone who may read the conversation sees it',
	},
	{
		displayName: 'Subject',
		name: 'subject',
		type: 'string',
		required: true,
		default: '={{ $json.sessionId ?? $json.conversation }}',
		displayOptions: shown('token', 'create'),
		description: 'Identifies the visitor; the same in all its tokens',
	},
	{
		displayName: 'Rights',
		name: 'rights',
		type: 'multiOptions',
		options: [
			{ name: 'Read', value: 'read' },
			{ name: 'Send', value: 'send' },
		],
		default: ['read'],
		displayOptions: shown('token', 'create'),
	},
	{
		displayName: 'Seconds of Validity',
		name: 'ttl',
		type: 'number',
		default: 3600,
		displayOptions: shown('token', 'create'),
	},
	options('message', ['send'], [
		{
			displayName: 'Is What the Run Leaves',
			name: 'ofRun',
			type: 'boolean',
			default: true,
			description: 'Whether it is the answer of the run that this execution started',
		},
		{
			displayName: 'Client ID',
			name: 'clientId',
			type: 'string',
			default: '',
			description: 'Under which the message is stored once. Empty: one of this execution, item and node.',
		},
		{
			displayName: 'Finish',
			name: 'finish',
			type: 'options',
			options: [
				{ name: 'Cancelled', value: 'cancelled' },
				{ name: 'Failed', value: 'failed' },
			],
			default: 'failed',
			description: 'How the writing ended, where the content is not complete',
		},
		{ displayName: 'Message ID', name: 'messageId', type: 'string', default: '', description: 'Of the draft that it completes' },
		metadata,
		{ displayName: 'Reply To', name: 'replyTo', type: 'string', default: '', description: 'A message ID' },
		...senderOptions,
	].sort((one, other) => one.displayName.localeCompare(other.displayName)) as INodeProperties[]),
	options('message', ['edit'], [metadata]),
	options('message', ['getAll'], [
		{ displayName: 'After', name: 'after', type: 'number', default: 0, description: 'A message seq' },
		{ displayName: 'Before', name: 'before', type: 'number', default: 0, description: 'A message seq' },
	]),
	options('typing', ['start', 'stop'], senderOptions),
	options('run', ['start'], [
		{ displayName: 'For Seq', name: 'forSeq', type: 'number', default: 0, description: 'Of the message that it answers' },
		{ displayName: 'Message ID', name: 'messageId', type: 'string', default: '', description: 'Of the message that it is going to leave' },
		...senderOptions,
	]),
	options('token', ['create'], [
		{ displayName: 'Name', name: 'name', type: 'string', default: '', description: 'With which the visitor is shown' },
	]),
];
