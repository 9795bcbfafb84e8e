# Ruling 6 of the template language.
Feature: A workflow without input has an empty object

  Scenario: The first task sees it
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r06, version: 1.0.0 }
      do:
        - look: { set: { seen: '${ . }', raw: '${ $workflow.input }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { seen: {}, raw: {} }
      """

  Scenario: An input of null is null
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r06, version: 1.0.0 }
      do:
        - look: { set: { seen: '${ . }' } }
      """
    And given the workflow input is:
      """yaml
      null
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { seen: null }
      """
