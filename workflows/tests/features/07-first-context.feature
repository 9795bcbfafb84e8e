# Ruling 7 of the template language.
Feature: The context begins empty

  Scenario: Whatever the input is
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r07, version: 1.0.0 }
      do:
        - look: { set: { seen: '${ $context }' } }
      """
    And given the workflow input is:
      """yaml
      { a: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { seen: {} }
      """

  Scenario: There is none before the first task
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r07, version: 1.0.0 }
      input: { from: $context }
      do: []
      """
    Then the workflow should be refused with 'expression.unknown_variable'
