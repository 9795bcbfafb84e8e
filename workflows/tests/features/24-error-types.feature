# Ruling 24 of the template language.
Feature: The standard's error types are the same under all their prefixes

  Scenario: A filter of either form catches
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r24, version: 1.0.0 }
      do:
        - one: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { errors: { with: { type: https://serverlessworkflow.io/dsl/errors/types/communication } }, do: [ { first: { set: { first: '${ $error.type }' } } } ] } }
        - two: { try: [ { again: { call: 'work:1.0.0@default' } } ], catch: { errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }, do: [ { second: { set: '${ $context }' } } ] } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    And again fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should complete
    And first should complete with output:
      """yaml
      { first: https://serverlessworkflow.io/spec/1.0.0/errors/communication }
      """
    And second should complete

  Scenario: A foreign type is compared to the letter
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r24, version: 1.0.0 }
      do:
        - one: { try: [ { broken: { raise: { error: { type: https://example.com/errors/communication, status: 500 } } } } ], catch: { errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/communication } } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://example.com/errors/communication }
      """
