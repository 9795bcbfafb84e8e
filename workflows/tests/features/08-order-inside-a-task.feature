# Ruling 8 of the template language.
Feature: The order of what a task says

  Scenario: From if on the raw input to export on the transformed output
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r08, version: 1.0.0 }
      do:
        - all:
            if: .raw == 1
            input: { schema: { document: { required: [ raw ] } }, from: '{ taken: .raw }' }
            set: { body: '${ .taken + 1 }' }
            output: { as: '{ out: .body + 1 }', schema: { document: { required: [ out ] } } }
            export: { as: '{ exported: .out + 1 }', schema: { document: { required: [ exported ] } } }
            then: last
        - skipped: { set: { never: true } }
        - last: { set: { data: '${ . }', context: '${ $context }' } }
      """
    And given the workflow input is:
      """yaml
      { raw: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { data: { out: 3 }, context: { exported: 4 } }
      """
    And skipped should not have run

  Scenario: The schema of the input is asked of the raw input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r08, version: 1.0.0 }
      do:
        - strict: { input: { schema: { document: { required: [ taken ] } }, from: '{ taken: .raw }' }, set: { x: 1 } }
      """
    And given the workflow input is:
      """yaml
      { raw: 1 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/validation, status: 400, instance: /do/0/strict }
      """

  Scenario: The timeout begins after if and covers the rest
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r08, version: 1.0.0 }
      do:
        - slow: { call: 'work:1.0.0@default', timeout: { after: PT10S } }
      """
    And slow never answers
    When the workflow is executed
    And the clock advances by PT9S
    Then the workflow should be waiting
    When the clock advances by PT1S
    Then the workflow should fault with error:
      """yaml
      { status: 408, instance: /do/0/slow }
      """
