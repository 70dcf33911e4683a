import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes, NodeOperationError } from 'n8n-workflow';

import { nodeError, problemOf, unreachable, type Answer } from '../problem';
import { clientId, runId, type Origin } from './ids';
import { itemsOf, requestOf, type ServiceRequest } from './operations';
import { properties } from './properties';

/** Milliseconds. The service answers within milliseconds, or with 503 once its own timeouts are over. */
const TIMEOUT = 15_000;

export class UmbralChat implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Umbral Chat',
		name: 'umbralChat',
		icon: { light: 'file:../../icons/umbral-chat.svg', dark: 'file:../../icons/umbral-chat.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
		description: 'Keep chats in a durable log: send, edit, read, show typing and progress, hand over to humans',
		defaults: { name: 'Umbral Chat' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'umbralChatApi', required: true }],
		properties,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const found: INodeExecutionData[] = [];
		for (const [index] of this.getInputData().entries()) {
			try {
				const items = await executeItem.call(this, index);
				found.push(...items.map((json) => ({ json, pairedItem: { item: index } })));
			} catch (error) {
				const known = error instanceof Error ? error : new Error(String(error));
				if (this.continueOnFail()) found.push({ json: reported(known), pairedItem: { item: index } });
				else throw new NodeOperationError(this.getNode(), known, { itemIndex: index });
			}
		}
		return [found];
	}
}

/** An error as an item, for those that go on with it. */
function reported(error: Error & { description?: string | null }): IDataObject {
	return { error: error.message, description: error.description ?? null };
}

async function executeItem(this: IExecuteFunctions, index: number): Promise<IDataObject[]> {
	const get = (name: string) => this.getNodeParameter(name, index, undefined);
	const [resource, operation] = [String(get('resource')), String(get('operation'))];
	const origin = originOf.call(this, index);
	const request = requestOf(resource, operation, get, { clientId: clientId(origin), runId: runId(origin) });
	const { baseUrl } = await this.getCredentials<{ baseUrl: string }>('umbralChatApi');
	const answer = await send.call(this, baseUrl, request, index);
	if (answer.statusCode >= 400) throw nodeError(this.getNode(), problemOf(answer), index);
	return itemsOf(resource, operation, answer.body);
}

async function send(this: IExecuteFunctions, baseUrl: string, request: ServiceRequest, index: number): Promise<Answer> {
	const { method, path, qs, body } = request;
	try {
		return await this.helpers.httpRequestWithAuthentication.call(this, 'umbralChatApi', {
			method,
			url: baseUrl.replace(/\/+$/, '') + path,
			...(qs ? { qs } : {}),
			...(body ? { body } : {}),
			json: true,
			timeout: TIMEOUT,
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
		});
	} catch (error) {
		throw nodeError(this.getNode(), unreachable(error), index);
	}
}

function originOf(this: IExecuteFunctions, item: number): Origin {
	const proxy = this.getWorkflowDataProxy(item);
	return {
		instance: this.getInstanceId(),
		workflow: String(this.getWorkflow().id ?? ''),
		execution: String(this.getExecutionId() ?? ''),
		began: this.getExecutionContext()?.establishedAt,
		node: this.getNode().id,
		round: Number(proxy.$runIndex ?? 0),
		item,
	};
}
