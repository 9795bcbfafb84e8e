# Ruling 9 of the template language.
Feature: A skipped task passes its raw input on

  Scenario: Without its shapes and exports
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r09, version: 1.0.0 }
      do:
        - skipped: { if: 'false', input: { from: '{ x: 2 }' }, set: { x: 3 }, output: { as: '{ x: 4 }' }, export: { as: '{ x: 5 }' } }
        - look: { set: { data: '${ . }', context: '${ $context }' } }
      """
    And given the workflow input is:
      """yaml
      { x: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { data: { x: 1 }, context: {} }
      """

  Scenario: Its directive is followed
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r09, version: 1.0.0 }
      do:
        - skipped: { if: 'false', set: { x: 3 }, then: last }
        - between: { set: { between: true } }
        - last: { set: { data: '${ . }' } }
      """
    And given the workflow input is:
      """yaml
      { x: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { data: { x: 1 } }
      """
    And between should not have run

  Scenario: The publisher says so
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r09, version: 1.0.0 }
      do:
        - skipped: { if: 'false', set: { x: 3 }, then: end }
      """
    Then the workflow should be published with warning 'warning.then_of_skipped'
