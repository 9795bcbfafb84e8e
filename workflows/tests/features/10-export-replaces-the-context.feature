# Ruling 10 of the template language.
Feature: export.as sees the transformed output and replaces the context

  Scenario: The whole context is replaced
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r10, version: 1.0.0 }
      do:
        - one: { set: { a: 1 }, export: { as: . } }
        - two: { set: { b: 2 }, output: { as: '{ shaped: .b }' }, export: { as: '{ seen: ., also: $output }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { seen: { shaped: 2 }, also: { shaped: 2 } }
      """

  Scenario: What shall stay is added
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r10, version: 1.0.0 }
      do:
        - one: { set: { a: 1 }, export: { as: . } }
        - two: { set: { b: 2 }, export: { as: '$context + .' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { a: 1, b: 2 }
      """

  Scenario: The result must be an object
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r10, version: 1.0.0 }
      do:
        - one: { set: { a: 1 }, export: { as: .a } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/expression, status: 400, instance: /do/0/one }
      """
