/** Evaluations made by hand. */
import { Evaluation } from "../../../src/engine/evaluate/evaluation.js"

/** An evaluation with these fields and details. */
export const evaluationOf = ({
  lcut,
  reason = "Network:Recognized",
  receivedAt,
  remote,
  ...fields
}: EvaluationFields) => Object.assign(new Evaluation(), fields, { details: { reason, lcut, receivedAt, remote } })

/** The fields that a test sets; the reason is `Network:Recognized` unless it says otherwise. */
export type EvaluationFields = Partial<Omit<Evaluation, "details">>
