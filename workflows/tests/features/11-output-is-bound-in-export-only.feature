# Ruling 11 of the template language.
Feature: $output exists in export.as only

  Scenario: Not in output.as
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r11, version: 1.0.0 }
      do:
        - one: { set: { a: 1 }, output: { as: $output } }
      """
    Then the workflow should be refused with 'expression.unknown_variable'

  Scenario: Not in the body
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r11, version: 1.0.0 }
      do:
        - one: { set: { a: '${ $output }' } }
      """
    Then the workflow should be refused with 'expression.unknown_variable'

  Scenario: In export.as it is the transformed output
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r11, version: 1.0.0 }
      do:
        - one: { set: { a: 1 }, output: { as: .a }, export: { as: '{ n: $output }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { n: 1 }
      """
